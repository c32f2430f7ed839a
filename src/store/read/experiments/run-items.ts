import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import type { Page } from '../page.ts'

/**
 * One example executed in one experiment. The external ids are the clients' spellings, null where the client sent the
 * id itself.
 */
export interface RunItemRow {
  id: string
  experimentId: string
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

/** @returns null when there is no such run item, or its experiment is deleted */
export async function runItemFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<RunItemRow | null> {
  const [row] = await runStatement<RunItemRow>(db, 'run_item_find', [tenantId, id])
  return row ?? null
}

/** Reads the run items of an experiment, newest first. */
export async function runItemList(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  { limit, offset }: Page,
): Promise<RunItemRow[]> {
  return runStatement<RunItemRow>(db, 'run_item_list', [tenantId, experimentId, limit, offset])
}

/** Reads the run items that come after `last`, for readers of a whole experiment. */
export async function runItemListAfter(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  last: RunItemRow,
  limit: number,
): Promise<RunItemRow[]> {
  return runStatement<RunItemRow>(db, 'run_item_list_after', [
    tenantId,
    experimentId,
    last.createdAt,
    last.id,
    limit,
  ])
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
