import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import { pageBytes, storedBytesSql } from '../page-bytes.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** Experiments, of which the others are judged by the first. */
export interface ComparedExperiments {
  tenantId: string
  baselineId: string
  /** At least one. */
  candidateIds: readonly string[]
}

/** An example with what both sides have of it. */
export interface ComparedExample {
  id: string
  createdAt: Timestamp
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
  /** By side: [{id, run_id, trace_id, status, latency, tokens, cost}], in the order of their ids. */
  baselineRuns: JsonText
  candidateRuns: JsonText
  /** Of the other candidates, in their order: [[…], …]. */
  otherRuns: JsonText
}

interface ExamplePage {
  rows: ComparedExample[]
  /** Those that are left out at the end, because the bodies are large. */
  isCut: boolean
}

/** Of each side, so many executions of an example are listed. */
const mostRuns = 100

/** Reads some examples, in the order of their ids here. Those that are gone are left out. At least one is read. */
export async function comparedExampleList(
  db: Db,
  { tenantId, baselineId, candidateIds: [candidateId, ...others] }: ComparedExperiments,
  ids: readonly string[],
  hasBodies: boolean,
): Promise<ExamplePage> {
  if (ids.length === 0) return { rows: [], isCut: false }
  const bodies = raw(
    hasBodies ? 'examples.inputs, examples.outputs' : 'null::json as inputs, null::json as outputs',
  )
  const bytes = hasBodies
    ? storedBytesSql('examples.inputs', 'examples.outputs', 'examples.metadata')
    : storedBytesSql('examples.metadata')
  const statement = sql`
-- name: compared_example_list
-- Some examples with their executions in two experiments. Reads only.
with found as (
  select asked.id, asked.place, example.*, count(*) over () as known,
    sum(example.bytes) over (order by asked.place) - example.bytes as before
  from unnest(${`{${ids.join(',')}}`}::text::uuid[]) with ordinality as asked (id, place)
  cross join lateral (
    select examples.created_at, ${bodies}, examples.metadata, ${bytes} as bytes from examples
    where examples.tenant_id = ${tenant} and examples.id = asked.id
    order by examples.valid_from desc
    limit 1
  ) as example
)
select asked.id, asked.created_at, asked.inputs, asked.outputs, asked.metadata, asked.known,
  ${runsSql(baselineId)} as baseline_runs, ${runsSql(candidateId!)} as candidate_runs,
  json_build_array(${others.length === 0 ? empty : join(others.map(runsSql), ', ')}) as other_runs
from found as asked
where asked.before < ${String(pageBytes)}::bigint
order by asked.place`
  const rows = await runComposed<ComparedExample & { known: number }>(db, tenantId, statement)
  return { rows, isCut: rows.length < (rows[0]?.known ?? 0) }
}

function runsSql(experimentId: string): Sql {
  return sql`coalesce((
    select json_agg(json_build_object(
      'id', shown.id, 'run_id', shown.run_id, 'trace_id', shown.trace_id, 'status', shown.status,
      'latency', extract(epoch from shown.duration)::double precision, 'tokens', shown.total_tokens,
      'cost', shown.total_cost
    ) order by shown.id)
    from (
      select run.id, run.run_id, run.trace_id, run.status, run.duration, run.total_tokens, run.total_cost
      from ${shownRunsSql} as run
      where run.experiment_id = ${experimentId}::uuid
        and run.reference_example_id = asked.id and not run.yields
      order by run.id limit ${String(mostRuns)}::bigint
    ) as shown
  ), '[]'::json)`
}
