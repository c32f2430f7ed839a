import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Db } from '../../pool.ts'
import { anyTenant, runComposed, tenant } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { pageBytes, storedBytesSql } from '../page-bytes.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** Which executions of an experiment. */
export interface ExecutionFilter {
  status?: 'success' | 'error' | 'pending' | undefined
  /** Splits of the example, of which it must be in one. */
  splits?: readonly string[] | undefined
  /** What the metadata of the example must contain. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/** Where a page begins: after this run item of this example. */
export interface ExecutionPlace {
  exampleId: string
  itemId: string
}

/** One run item. */
export interface ExecutionLine extends ExecutionPlace {
  /** The execution as a JSON object in one line; null when the filter leaves it out. */
  line: JsonText | null
}

/**
 * Lists a page of the executions of an experiment, those of one example one after the other. It is shorter where they are
 * large, and empty only after the last one. Inputs, outputs, reference
 * and metadata are JSON as text, so that nothing of them changes on the way.
 */
export async function experimentRowList(
  db: Db,
  tenantId: string,
  experimentId: string,
  filter: ExecutionFilter,
  page: { after: ExecutionPlace | null; limit: number },
): Promise<ExecutionLine[]> {
  const statement = sql`
-- name: experiment_row_list
-- A page of the run items of an experiment, by example, with what is shown of them, their example and the feedback on them.
-- Reads only.
with listed as materialized (
  select item.example_id, item.id, item.example_version, item.example_outputs, item.example_metadata
  from run_items as item
  where item.tenant_id = ${tenant} and item.experiment_id = ${experimentId}::uuid and item.example_id is not null
    ${afterPlace(page.after)}
  order by item.example_id, item.id
  limit ${String(page.limit)}::bigint
),
summed as (
  select listed.*, sum(size.bytes) over (order by listed.example_id, listed.id) - size.bytes as before
  from listed
  cross join lateral (
    select ${storedBytesSql('listed.example_outputs', 'listed.example_metadata')} + coalesce((
      select ${storedBytesSql('examples.inputs', 'examples.outputs', 'examples.metadata')}
      from examples
      where examples.tenant_id = ${anyTenant} and examples.id = listed.example_id
      order by examples.valid_from <= listed.example_version desc nulls last, examples.valid_from desc
      limit 1
    ), 0) + coalesce((
      select ${storedBytesSql('run.outputs', 'run.metadata', 'run.error')}
      from ${shownRunsSql} as run
      where run.item_id = listed.id
      limit 1
    ), 0) as bytes
  ) as size
),
page as materialized (
  select * from summed where summed.before < ${String(pageBytes)}::bigint
)
select page.example_id, page.id as item_id, shown.line
from page
${exampleOf('page')}
left join lateral (
  select json_build_object(
    'example_id', page.example_id, 'id', page.id, 'run_id', run.run_id, 'trace_id', run.trace_id,
    'status', run.status, 'error', coalesce(run.error::text, to_json(run.status_message)::text),
    'start_time', run.start_time, 'latency', extract(epoch from run.duration)::double precision,
    'prompt_tokens', run.prompt_tokens, 'completion_tokens', run.completion_tokens,
    'total_tokens', run.total_tokens, 'cost', run.total_cost,
    'inputs', example.inputs::text, 'reference', coalesce(page.example_outputs, example.outputs)::text,
    'outputs', run.outputs::text, 'splits', example.splits,
    'example_metadata', coalesce(page.example_metadata::text, example.metadata::text),
    'metadata', run.metadata::text,
    'scores', (
      select coalesce(json_object_agg(by_key.key, json_build_object(
        'score', by_key.score, 'label', by_key.label, 'reason', by_key.reason) order by by_key.key collate "C"), '{}')
      from (
        select point.key, avg(point.score_number::text::numeric)::double precision as score,
          string_agg(point.value_text, ', ' order by point.created_at, point.id) as label,
          string_agg(point.comment, E'\n' order by point.created_at, point.id)
            filter (where point.comment <> '') as reason
        from (
          select distinct feedback.id, feedback.key, feedback.score_number, feedback.value_text, feedback.comment,
            feedback.created_at
          from ${feedbackOfSql(sql`run.run_id`, sql`run.trace_id`)} as feedback
          where feedback.key is not null and feedback.comparative_experiment_id is null
        ) as point
        group by point.key
      ) as by_key
    )
  )::text as line
  from ${shownRunsSql} as run
  where run.item_id = page.id and not run.yields ${conditions(filter)}
  limit 1
) as shown on true
order by page.example_id, page.id`
  return runComposed<ExecutionLine>(db, tenantId, statement)
}

/** So many run items are looked at by one statement that counts. */
const countedAtOnce = 20_000

/**
 * Counts all executions that the filter selects, in pieces of which each takes a second at most, however many there are.
 */
export async function experimentRowCount(
  db: Db,
  tenantId: string,
  experimentId: string,
  filter: ExecutionFilter,
): Promise<number> {
  let count = 0
  for (let after: ExecutionPlace | null = null; ; ) {
    const piece = await experimentRowCountPiece(db, tenantId, experimentId, filter, after)
    if (piece === null) return count
    count += piece.count
    after = piece
  }
}

/** @returns null when there is nothing after `after` */
async function experimentRowCountPiece(
  db: Db,
  tenantId: string,
  experimentId: string,
  filter: ExecutionFilter,
  after: ExecutionPlace | null,
): Promise<(ExecutionPlace & { count: number }) | null> {
  const statement = sql`
-- name: experiment_row_count_piece
-- The number of executions that a filter selects among the next run items of an experiment, and the last of the items.
-- Reads only.
with passed as materialized (
  select item.example_id, item.id, item.example_version
  from run_items as item
  where item.tenant_id = ${tenant} and item.experiment_id = ${experimentId}::uuid and item.example_id is not null
    ${afterPlace(after)}
  order by item.example_id, item.id
  limit ${String(countedAtOnce)}::bigint
)
select last.example_id, last.id as item_id, (
  select count(*)::integer
  from passed
  join ${shownRunsSql} as run on run.item_id = passed.id
  ${isOfExample(filter) ? exampleOf('passed') : empty}
  where not run.yields ${conditions(filter)}
) as count
from passed as last
order by last.example_id desc, last.id desc
limit 1`
  const [row] = await runComposed<ExecutionPlace & { count: number }>(db, tenantId, statement)
  return row ?? null
}

function afterPlace(after: ExecutionPlace | null): Sql {
  return after === null
    ? empty
    : sql`and (item.example_id, item.id) > (${after.exampleId}::uuid, ${after.itemId}::uuid)`
}

/** Joins the version of an item's example that was executed, where it is known and still there, as `example`. */
function exampleOf(item: string): Sql {
  return sql`left join lateral (
  select examples.inputs, examples.outputs, examples.metadata, examples.splits
  from examples
  where examples.tenant_id = ${anyTenant} and examples.id = ${raw(item)}.example_id
  order by examples.valid_from <= ${raw(item)}.example_version desc nulls last, examples.valid_from desc
  limit 1
) as example on true`
}

function isOfExample({ splits, metadata }: ExecutionFilter): boolean {
  return splits !== undefined || metadata !== undefined
}

function conditions({ status, splits, metadata }: ExecutionFilter): Sql {
  const parts = [
    ...(status === undefined ? [] : [sql`and run.status = ${status}`]),
    ...(splits === undefined ? [] : [sql`and example.splits && ${[...splits]}::text[]`]),
    ...(metadata === undefined
      ? []
      : [sql`and example.metadata @> ${JSON.stringify(metadata)}::jsonb`]),
  ]
  return parts.length === 0 ? empty : join(parts, ' ')
}
