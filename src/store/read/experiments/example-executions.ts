import sql from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { anyTenant, runComposed } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { pageBytes, storedBytesSql } from '../page-bytes.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** What an experiment made of an example once. Times are in seconds. */
export interface ExampleExecution {
  id: string
  runId: string | null
  traceId: string | null
  status: string
  startTime: Timestamp | null
  latency: number | null
  totalTokens: number | null
  totalCost: Decimal | null
  inputs: JsonText | null
  outputs: JsonText | null
  error: JsonText | null
  /** [{id, key, score, value, comment, source, created_at}], by key. */
  scores: JsonText
}

/** Of one execution, so many scores are listed. */
const mostScores = 200

/** Lists what an experiment made of an example, the earliest first, with what it was scored and why. At least one is read. */
export async function executionListOfExample(
  db: Db,
  tenantId: string,
  { experimentId, exampleId, limit }: { experimentId: string; exampleId: string; limit: number },
): Promise<{ rows: ExampleExecution[]; hasMore: boolean }> {
  const statement = sql`
-- name: execution_list_of_example
-- The executions of one example in one experiment, the earliest first, with their scores. Reads only.
with listed as (
  select run.*, row_number() over (order by run.start_time, run.id) as place
  from ${shownRunsSql} as run
  where run.experiment_id = ${experimentId}::uuid
    and run.reference_example_id = ${exampleId}::uuid and not run.yields
  order by run.start_time, run.id
  limit ${String(limit + 1)}::bigint
),
summed as (
  select listed.*, count(*) over () as known,
    sum(${storedBytesSql('listed.inputs', 'listed.outputs', 'listed.error')}) over before as before
  from listed
  window before as (order by listed.place rows between unbounded preceding and 1 preceding)
)
select run.id, run.run_id, run.trace_id, run.status, run.start_time,
  extract(epoch from run.duration)::double precision as latency, run.total_tokens, run.total_cost,
  run.inputs, run.outputs, run.known,
  coalesce(run.error, case when run.status = 'error' then to_json(run.status_message) end) as error,
  coalesce((
    select json_agg(json_build_object(
      'id', given.id, 'key', given.key, 'score', given.score, 'value', given.value, 'comment', given.comment,
      'source', given.source_type, 'created_at', given.created_at
    ) order by given.key collate "C", given.created_at, given.id)
    from (
      select * from ${feedbackOfSql(sql`run.run_id`, sql`run.trace_id`)} as feedback
      where feedback.key is not null and feedback.comparative_experiment_id is null
      order by feedback.key collate "C", feedback.created_at, feedback.id
      limit ${String(mostScores)}::bigint
    ) as given
  ), '[]') as scores
from summed as run
where run.place <= ${String(limit)}::bigint and coalesce(run.before, 0) < ${String(pageBytes)}::bigint
order by run.place`
  const rows = await runComposed<ExampleExecution & { known: number }>(db, tenantId, statement)
  return { rows, hasMore: rows.length < (rows[0]?.known ?? 0) }
}

/** An example as it is now; as it was last, when it was deleted. */
export interface ComparedExampleBody {
  id: string
  datasetId: string
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
}

export async function exampleFindNewest(
  db: Db,
  tenantId: string,
  id: string,
): Promise<ComparedExampleBody | null> {
  const statement = sql`
-- name: example_find_newest
-- The newest version of an example. Reads only.
select examples.id, examples.dataset_id, examples.inputs, examples.outputs, examples.metadata
from examples
where examples.tenant_id = ${anyTenant} and examples.id = ${id}::uuid
order by examples.valid_from desc
limit 1`
  const [row] = await runComposed<ComparedExampleBody>(db, tenantId, statement)
  return row ?? null
}
