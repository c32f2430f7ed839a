import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

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
