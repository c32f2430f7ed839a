import sql from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, runStatement, tenant } from '../../statements.ts'
import type { Page } from '../page.ts'

/**
 * One example executed in one experiment. The external ids are the clients' spellings, null where the client sent the
 * id itself.
 */
export interface RunItemRow {
  id: string
  externalId: string | null
  experimentId: string
  externalExperimentId: string | null
  experimentName: string
  exampleId: string
  externalExampleId: string | null
  traceId: string
  externalTraceId: string | null
  /** null when the whole trace is linked. */
  runId: string | null
  externalRunId: string | null
  createdAt: Timestamp
}

/** Run items of experiments that exist, on alias `run_items`. The caller adds further conditions. */
const selection = sql`select run_items.id, run_items.external_id, run_items.experiment_id, run_items.example_id, run_items.trace_id, run_items.external_trace_id,
  run_items.run_id, run_items.external_run_id, run_items.created_at, experiments.external_id as external_experiment_id, experiments.name as experiment_name,
  example.external_id as external_example_id
from run_items
join experiments on experiments.tenant_id = ${tenant} and experiments.id = run_items.experiment_id
left join lateral (
  -- Every version, even that of a deleted example, has the client's spelling of the id.
  select external_id
  from examples
  where examples.tenant_id = ${anyTenant} and examples.id = run_items.example_id
  order by examples.valid_from desc
  limit 1
) as example on true
where run_items.tenant_id = ${tenant}`

/** @returns null when there is no such run item, or its experiment is deleted */
export async function runItemFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<RunItemRow | null> {
  const statement = sql`
-- name: run_item_find
-- One run item of an existing experiment. Reads only.
${selection} and run_items.id = ${id}::uuid`
  const [row] = await runComposed<RunItemRow>(db, tenantId, statement)
  return row ?? null
}

/** Reads the run items of an experiment, newest first. */
export async function runItemList(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  { limit, offset }: Page,
): Promise<RunItemRow[]> {
  const statement = sql`
-- name: run_item_list
-- One page of the run items of an experiment, newest first. Reads only.
${selection} and run_items.experiment_id = ${experimentId}::uuid
order by run_items.created_at desc, run_items.id
limit ${limit}::bigint offset ${offset}::bigint`
  return runComposed<RunItemRow>(db, tenantId, statement)
}

/** Reads the run items that come after `last`, for readers of a whole experiment. */
export async function runItemListAfter(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  last: RunItemRow,
  limit: number,
): Promise<RunItemRow[]> {
  const time = sql`${last.createdAt}::timestamptz`
  const statement = sql`
-- name: run_item_list_after
-- The run items of an experiment that come after a given one, newest first. Reads only.
${selection} and run_items.experiment_id = ${experimentId}::uuid
  and run_items.created_at <= ${time} and (run_items.created_at < ${time} or run_items.id > ${last.id}::uuid)
order by run_items.created_at desc, run_items.id
limit ${limit}::bigint`
  return runComposed<RunItemRow>(db, tenantId, statement)
}

export async function runItemCount(
  db: Queryable,
  tenantId: string,
  experimentId: string,
): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'run_item_count', [
    tenantId,
    experimentId,
  ])
  return row!.count
}

/**
 * Finds the trace that a run is part of.
 * @returns null for an unknown run; a null `traceId` while only updates of it have arrived
 */
export async function runFindTrace(
  db: Queryable,
  tenantId: string,
  runId: string,
): Promise<{ traceId: string | null; externalTraceId: string | null } | null> {
  const [row] = await runStatement<{ traceId: string | null; externalTraceId: string | null }>(
    db,
    'run_find_trace',
    [tenantId, runId],
  )
  return row ?? null
}
