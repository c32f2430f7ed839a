import sql, { join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, tenant } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { filterNarrow } from '../filter/narrow.ts'
import { runSource } from './run-filter.ts'
import {
  runOrderSql,
  runPageSql,
  type RunKey,
  type RunPlace,
  type RunQuery,
} from './run-query-sql.ts'
import { runListRelatives, withPaths, type Relatives } from './run-trees.ts'
import type { RunDetailRow } from './runs.ts'

/** Columns that are read only on request, because they are large or come from other tables. */
export type RunColumn =
  | 'inputs'
  | 'outputs'
  | 'error'
  | 'events'
  | 'serialized'
  | 'extra'
  | 'attachments'
  | 'metadata'
  | 'usageDetails'
  | 'relatives'
  | 'feedbackStats'
  | 'referenceDatasetId'
  | 'inDataset'
  | 'shareToken'
  | 'traceFirstTokenTime'

export interface RunPage {
  /** Columns that were not asked for are null or empty. */
  rows: RunDetailRow[]
  /** Where the next page starts; null when this is the last. */
  next: RunKey | null
}

/**
 * Reads one page of the runs of existing experiments. A run looks the same whatever the query is, and the same as
 * `runFind` returns it. A page takes one statement, one more each for feedback, for paths that are not stored and for
 * relatives, and one before them for a filter by feedback.
 */
export async function runList(
  db: Queryable,
  query: RunQuery,
  place: RunPlace,
  wanted: ReadonlySet<RunColumn>,
): Promise<RunPage> {
  const filters =
    query.ids === undefined
      ? await filterNarrow(db, query.tenantId, runSource('run'), query.filters ?? [])
      : query.filters
  const rows = await runListPage(
    db,
    { ...query, filters },
    { ...place, limit: place.limit + 1 },
    wanted,
  )
  const hasMore = rows.length > place.limit
  if (hasMore) rows.pop()
  const last = rows.at(-1)
  const [placed, stats] = await Promise.all([
    withPaths(db, query.tenantId, rows),
    wanted.has('feedbackStats') ? feedbackCountOfRuns(db, query.tenantId, rows) : null,
  ])
  const traceIds = rows.map((row) => row.traceId)
  const relatives = wanted.has('relatives')
    ? await runListRelatives(db, query.tenantId, placed, traceIds)
    : null
  return {
    rows: placed.map((row) => ({
      ...row,
      feedbackStats: stats?.get(row.id) ?? null,
      ...(relatives?.(row) ?? { childRunIds: [], directChildRunIds: [], traceMaxStartTime: null }),
    })),
    next: hasMore && last !== undefined ? { id: last.id, startTime: last.startTime } : null,
  }
}

type PageRow = Omit<RunDetailRow, 'startTime' | 'feedbackStats' | keyof Relatives> & {
  startTime: Timestamp
}

async function runListPage(
  db: Queryable,
  query: RunQuery,
  place: RunPlace,
  wanted: ReadonlySet<RunColumn>,
): Promise<PageRow[]> {
  const [time, id] = runOrderSql(place)
  const statement = sql`
-- name: run_list_page
-- One page of runs. Reads the ids of the page first, then the wanted columns of these rows. Reads only.
with page as materialized (
  ${runPageSql(query, place)}
)
select ${columnsOf(wanted)}
from page
cross join lateral (
  select * from runs where runs.tenant_id = ${anyTenant} and runs.id = page.id offset 0
) as run
cross join lateral (
  select experiments.trace_tier from experiments
  where experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
  offset 0
) as experiments
left join lateral (
  select traces.* from traces where traces.tenant_id = ${anyTenant} and traces.id = run.trace_id offset 0
) as trace on true
order by page.start_time ${time}, page.id ${id}`
  return runComposed<PageRow>(db, query.tenantId, statement, { isPrepared: false, limit: 'list' })
}

const plainColumns = sql`run.id, run.tenant_id, run.trace_id, run.experiment_id, run.parent_run_id, run.name, run.run_type,
  run.status, run.start_time, run.end_time, run.created_at, run.inputs_preview, run.outputs_preview, run.status_message,
  run.level, run.tags, run.dotted_order, run.reference_example_id, run.first_token_time, run.thread_id,
  run.price ->> 'id' as price_id, experiments.trace_tier, trace.start_time as trace_min_start_time`

/** Tokens and costs. The root run shows the sums of its trace, of several the first (SPEC I13). */
export const rolledUpColumns = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_cost',
  'completion_cost',
  'total_cost',
].map((name) => raw(name))

/** A column that is not named is not read, because large values are stored outside the row (TOAST). */
const optionalColumns: readonly (readonly [column: RunColumn, name: string, expression: Sql])[] = [
  ['inputs', 'inputs', sql`run.inputs`],
  ['outputs', 'outputs', sql`run.outputs`],
  ['error', 'error', sql`run.error`],
  ['events', 'events', sql`run.events`],
  ['serialized', 'serialized', sql`run.serialized`],
  ['extra', 'extra', sql`run.extra`],
  ['extra', 'runtime', sql`run.runtime`],
  ['attachments', 'attachments', sql`run.attachments`],
  ['metadata', 'metadata', sql`run.metadata`],
  ['usageDetails', 'usage_details', sql`run.usage_details`],
  ['usageDetails', 'cost_details', sql`run.cost_details`],
  ['traceFirstTokenTime', 'trace_first_token_time', sql`trace.first_token_time`],
  [
    'referenceDatasetId',
    'reference_dataset_id',
    sql`(select example.dataset_id from examples as example
    where example.tenant_id = ${anyTenant} and example.id = run.reference_example_id limit 1)`,
  ],
  [
    'inDataset',
    'in_dataset',
    sql`exists (select from examples as example where example.tenant_id = ${tenant} and example.source_run_id = run.id)`,
  ],
  [
    'shareToken',
    'share_token',
    sql`(select share.token from shares as share
    where share.tenant_id = ${tenant} and share.kind = 'run' and share.id = run.id)`,
  ],
]

function columnsOf(wanted: ReadonlySet<RunColumn>): Sql {
  return join(
    [
      plainColumns,
      ...rolledUpColumns.map(
        (name) =>
          sql`case when trace.root_run_id = run.id then trace.${name} else run.${name} end as ${name}`,
      ),
      ...optionalColumns.map(
        ([column, name, expression]) =>
          sql`${wanted.has(column) ? expression : raw('null')} as ${raw(name)}`,
      ),
    ],
    ', ',
  )
}

async function feedbackCountOfRuns(
  db: Queryable,
  tenantId: string,
  runs: readonly Pick<PageRow, 'id' | 'traceId' | 'parentRunId'>[],
): Promise<Map<string, JsonText>> {
  const ids = runs.map((run) => run.id)
  const traceIds = runs.map((run) => (run.parentRunId === null ? run.traceId : null))
  const statement = sql`
-- name: feedback_count_of_runs
-- Statistics of the feedback of each of these runs: what was given to the run itself, and to the trace of which it is
-- the root and to no run. Reads only.
select target.run_id, runmill_feedback_stats(
    array_agg((point.key, point.score_number, point.value_text)::runmill_feedback_point)
  ) as stats
from unnest(${ids}::uuid[], ${traceIds}::uuid[]) as target (run_id, trace_id)
cross join lateral ${feedbackOfSql(sql`target.run_id`, sql`target.trace_id`)} as point
where point.comparative_experiment_id is null
group by target.run_id`
  const rows = await runComposed<{ runId: string; stats: JsonText }>(db, tenantId, statement)
  return new Map(rows.map((row) => [row.runId, row.stats]))
}
