import type { EntityKind } from '../../domain/entities.ts'
import type { FoldedRow } from '../../domain/fold.ts'
import { distinctIds } from '../../domain/ids.ts'
import type { Queryable } from '../pool.ts'
import { allOf, lookUpMode, planModeUpdate, runStatement } from '../statements.ts'
import { upsertMany } from './upsert-sql.ts'

/**
 * Computes the roll-ups of traces from their runs.
 * @param traceIds sorted
 * @param spellings what clients call traces, where that is not the id
 * @param isLocked true when the transaction has locked the traces; otherwise those that exist are only locked
 * @returns the traces that were written
 */
export async function traceRefreshRollups(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
  spellings: ReadonlyMap<unknown, unknown>,
  isLocked: boolean,
): Promise<{ id: string; runCount: number }[]> {
  return runStatement(db, 'trace_refresh_rollups', [
    tenantId,
    traceIds,
    traceIds.map((id) => (spellings.get(id) ?? null) as string | null),
    isLocked,
  ])
}

/**
 * Locks traces until the transaction ends, also those that do not exist yet. Writes to their runs, and deletes of
 * them, were done before or wait.
 * @param traceIds sorted
 */
export async function traceLockMany(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
): Promise<void> {
  await runStatement(db, 'trace_lock_many', [tenantId, traceIds])
}

/**
 * Locks traces until the transaction ends.
 * @param traceIds sorted
 * @returns those that exist
 */
export async function traceLockExisting(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
): Promise<string[]> {
  const rows = await runStatement<{ id: string }>(db, 'trace_lock_existing', [tenantId, traceIds])
  return rows.map(({ id }) => id)
}

/**
 * Locks all traces in one order, then writes them. Roll-ups are computed from what every worker has committed. A trace
 * that nobody has is written once, with its roll-ups: its runs are all ours, because whoever commits runs commits their
 * trace with them.
 */
export async function refreshTraces(
  db: Queryable,
  tenantId: string,
  runs: readonly { traceId: string | null }[],
  folded: Record<EntityKind, FoldedRow[]>,
): Promise<void> {
  const rolledUp = distinctIds(runs.map((run) => run.traceId))
  const traces = distinctIds([...rolledUp, ...folded.trace.map((trace) => trace.id)])
  if (traces.length === 0) return
  const spellings = new Map(
    folded.run.map((row) => [row.values.get('traceId'), row.values.get('externalTraceId') ?? null]),
  )
  const [inserted] = await allOf([
    traceRefreshRollups(db, tenantId, traces, spellings, false),
    upsertMany(db, tenantId, 'trace', folded.trace),
  ])
  const isNew = new Set(inserted.filter((row) => row.runCount > 0).map((row) => row.id))
  const held = rolledUp.filter((id) => !isNew.has(id))
  if (held.length === 0) return
  await allOf([
    planModeUpdate(db, lookUpMode()),
    traceRefreshRollups(db, tenantId, held, spellings, true),
  ])
}
