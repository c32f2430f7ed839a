import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement, runText, type Parameter } from '../../statements.ts'
import { runNarrow } from './run-narrow.ts'
import {
  isRootSql,
  runPageText,
  type RunKey,
  type RunPlace,
  type RunQuery,
} from './run-query-sql.ts'
import type { RunDetailRow } from './runs.ts'

/** What is read only where it is asked for: large, or found in other tables. */
export type RunPart =
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

export interface RunPage {
  /** Parts that were not asked for are null or empty. */
  rows: RunDetailRow[]
  /** Where the next page starts; null when this is the last. */
  next: RunKey | null
}

/**
 * One page of the runs of existing experiments. Every run is the same object whatever the query, and the same as
 * `runFind` makes of it. A page takes one statement, and one more for each of feedback and relatives, and before it one for
 * a filter by feedback.
 */
export async function runList(
  db: Queryable,
  query: RunQuery,
  place: RunPlace,
  parts: ReadonlySet<RunPart>,
): Promise<RunPage> {
  const narrow = await runNarrow(db, query)
  const rows = await runListPage(db, narrow, { ...place, limit: place.limit + 1 }, parts)
  const hasMore = rows.length > place.limit
  if (hasMore) rows.pop()
  const last = rows.at(-1)
  const [relatives, stats] = await Promise.all([
    parts.has('relatives') ? runListRelatives(db, query.tenantId, rows) : null,
    parts.has('feedbackStats') ? feedbackCountOfRuns(db, query.tenantId, rows) : null,
  ])
  return {
    rows: rows.map((row) => ({
      ...row,
      feedbackStats: stats?.get(row.id) ?? null,
      ...(relatives?.(row) ?? { childRunIds: [], directChildRunIds: [], traceMaxStartTime: null }),
    })),
    next: hasMore && last !== undefined ? { id: last.id, startTime: last.startTime } : null,
  }
}

type PageRow = Omit<
  RunDetailRow,
  'startTime' | 'feedbackStats' | 'childRunIds' | 'directChildRunIds' | 'traceMaxStartTime'
> & { startTime: Timestamp }

async function runListPage(
  db: Queryable,
  query: RunQuery,
  place: RunPlace,
  parts: ReadonlySet<RunPart>,
): Promise<PageRow[]> {
  const parameters: Parameter[] = [query.tenantId]
  const page = runPageText(query, place, (value) => `$${parameters.push(value)}`)
  const [time, id] = place.order === 'desc' ? ['desc', 'asc'] : ['asc', 'desc']
  const text = `with page as materialized (
  ${page}
)
select ${columnsOf(parts).join(', ')}
from page
join runs as run on run.tenant_id = $1 and run.id = page.id
join experiments on experiments.tenant_id = $1 and experiments.id = run.experiment_id
left join traces as trace on trace.tenant_id = $1 and trace.id = run.trace_id
order by page.start_time ${time}, page.id ${id}`
  return runText<PageRow>(db, text, parameters, { isPrepared: false })
}

const plainColumns = [
  'id',
  'tenant_id',
  'trace_id',
  'experiment_id',
  'parent_run_id',
  'name',
  'run_type',
  'status',
  'start_time',
  'end_time',
  'created_at',
  'inputs_preview',
  'outputs_preview',
  'status_message',
  'level',
  'tags',
  'dotted_order',
  'reference_example_id',
  'first_token_time',
  'thread_id',
]

/** A root shows the sums of its trace. */
const rolledUpColumns = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_cost',
  'completion_cost',
  'total_cost',
]

/** A column that is not named is not read: large values lie outside the row (TOAST). */
const partColumns: readonly (readonly [part: RunPart, name: string, expression: string])[] = [
  ['inputs', 'inputs', 'run.inputs'],
  ['outputs', 'outputs', 'run.outputs'],
  ['error', 'error', 'run.error'],
  ['events', 'events', 'run.events'],
  ['serialized', 'serialized', 'run.serialized'],
  ['extra', 'extra', 'run.extra'],
  ['extra', 'runtime', 'run.runtime'],
  ['attachments', 'attachments', 'run.attachments'],
  ['metadata', 'metadata', 'run.metadata'],
  ['usageDetails', 'usage_details', 'run.usage_details'],
  ['usageDetails', 'cost_details', 'run.cost_details'],
  [
    'referenceDatasetId',
    'reference_dataset_id',
    `(select example.dataset_id from examples as example
    where example.tenant_id = $1 and example.id = run.reference_example_id limit 1)`,
  ],
  [
    'inDataset',
    'in_dataset',
    `exists (select from examples as example where example.tenant_id = $1 and example.source_run_id = run.id)`,
  ],
  [
    'shareToken',
    'share_token',
    `(select share.token from shares as share
    where share.tenant_id = $1 and share.kind = 'run' and share.id = run.id)`,
  ],
]

function columnsOf(parts: ReadonlySet<RunPart>): string[] {
  return [
    ...plainColumns.map((name) => `run.${name}`),
    ...rolledUpColumns.map(
      (name) => `case when ${isRootSql} then trace.${name} else run.${name} end as ${name}`,
    ),
    'experiments.trace_tier',
    'trace.start_time as trace_min_start_time',
    ...partColumns.map(
      ([part, name, expression]) => `${parts.has(part) ? expression : 'null'} as ${name}`,
    ),
  ]
}

async function feedbackCountOfRuns(
  db: Queryable,
  tenantId: string,
  runs: readonly Pick<PageRow, 'id' | 'traceId' | 'parentRunId'>[],
): Promise<Map<string, JsonText>> {
  const rows = await runStatement<{ runId: string; stats: JsonText }>(
    db,
    'feedback_count_of_runs',
    [
      tenantId,
      runs.map((run) => run.id),
      runs.map((run) => (run.parentRunId === null ? run.traceId : null)),
    ],
  )
  return new Map(rows.map((row) => [row.runId, row.stats]))
}

type Relatives = Pick<RunDetailRow, 'childRunIds' | 'directChildRunIds' | 'traceMaxStartTime'>

interface Relative {
  traceId: string
  id: string
  parentRunId: string | null
  dottedOrder: string | null
  startTime: Timestamp | null
}

/** Reads every trace of the page once, however many of its runs are on it. */
async function runListRelatives(
  db: Queryable,
  tenantId: string,
  rows: readonly PageRow[],
): Promise<(row: PageRow) => Relatives> {
  const traceIds = new Set(rows.flatMap((row) => row.traceId ?? []))
  const relatives = await runStatement<Relative>(db, 'run_list_relatives', [
    tenantId,
    [...traceIds],
  ])
  const latest = new Map<string, Timestamp>()
  const children = new Map<string, string[]>(rows.map((row) => [row.id, []]))
  const descendants = new Map<string, string[]>(
    rows.map((row) => [`${row.traceId} ${row.dottedOrder}`, []]),
  )
  for (const { traceId, id, parentRunId, dottedOrder, startTime } of relatives) {
    if (startTime !== null && startTime > (latest.get(traceId) ?? ''))
      latest.set(traceId, startTime)
    if (parentRunId !== null) children.get(parentRunId)?.push(id)
    const order = dottedOrder ?? ''
    for (let dot = order.indexOf('.'); dot !== -1; dot = order.indexOf('.', dot + 1)) {
      descendants.get(`${traceId} ${order.slice(0, dot)}`)?.push(id)
    }
  }
  return (row) => ({
    childRunIds: descendants.get(`${row.traceId} ${row.dottedOrder}`) ?? [],
    directChildRunIds: children.get(row.id) ?? [],
    traceMaxStartTime: latest.get(row.traceId ?? '') ?? null,
  })
}
