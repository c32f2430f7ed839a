import sql from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { anyTenant, runComposed } from '../../statements.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** The beginning of what an example asks for. */
export interface ExamplePreview {
  id: string
  inputs: string | null
  reference: string | null
}

/** The beginning of what an execution gave. */
export interface ExecutionPreview {
  id: string
  exampleId: string
  startTime: Timestamp | null
  outputs: string | null
  error: string | null
}

/** As long as the previews of runs. */
const previewLength = 500

/** Reads the beginnings of the inputs and outputs of examples, as JSON text. */
export async function examplePreviewList(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<ExamplePreview[]> {
  const statement = sql`
-- name: example_preview_list
-- The beginnings of the newest versions of some examples. Reads only.
select asked.id, left(example.inputs::text, ${previewLength}::integer) as inputs,
  left(example.outputs::text, ${previewLength}::integer) as reference
from unnest(${ids}::uuid[]) as asked (id)
cross join lateral (
  select examples.inputs, examples.outputs from examples
  where examples.tenant_id = ${anyTenant} and examples.id = asked.id
  order by examples.valid_from desc
  limit 1
) as example`
  return runComposed<ExamplePreview>(db, tenantId, statement)
}

/** Reads the beginnings of what an experiment's executions of some examples gave. */
export async function executionPreviewList(
  db: Db,
  tenantId: string,
  experimentId: string,
  exampleIds: string[],
  limit: number,
): Promise<ExecutionPreview[]> {
  const statement = sql`
-- name: execution_preview_list
-- The beginnings of what the executions of some examples in an experiment gave. Reads only.
select run.id, run.reference_example_id as example_id, run.start_time, run.outputs_preview as outputs,
  case when run.status = 'error'
    then coalesce(nullif(left(run.error::text, ${previewLength}::integer), 'null'), run.status_message, 'error') end as error
from ${shownRunsSql} as run
where run.experiment_id = ${experimentId}::uuid
  and run.reference_example_id = any (${exampleIds}::uuid[]) and not run.yields
order by run.reference_example_id, run.id
limit ${String(limit)}::bigint`
  return runComposed<ExecutionPreview>(db, tenantId, statement)
}
