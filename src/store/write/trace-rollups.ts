import type { Queryable } from '../pool.ts'
import { columnsOf, type RowKey } from '../row-keys.ts'
import { runStatement } from '../statements.ts'

/**
 * Computes the roll-ups of traces from their runs.
 * @param traces sorted by key
 * @param spellings what clients call traces, where that is not the id
 * @param isLocked true when the transaction has locked the traces; otherwise those that exist are only locked
 * @returns the traces that were written
 */
export async function traceRefreshRollups(
  db: Queryable,
  traces: readonly RowKey[],
  spellings: ReadonlyMap<unknown, unknown>,
  isLocked: boolean,
): Promise<(RowKey & { runCount: number })[]> {
  return runStatement(db, 'trace_refresh_rollups', [
    ...columnsOf(traces),
    traces.map((trace) => (spellings.get(trace.id) ?? null) as string | null),
    isLocked,
  ])
}

/**
 * Locks traces until the transaction ends, also those that do not exist yet. Writes to their runs, and deletes of
 * them, were done before or wait.
 * @param traces sorted by key, each with what its client called it, if that is not the id
 */
export async function traceLockMany(
  db: Queryable,
  traces: readonly (RowKey & { externalId: string | null })[],
): Promise<void> {
  await runStatement(db, 'trace_lock_many', [
    ...columnsOf(traces),
    traces.map((trace) => trace.externalId),
  ])
}

/**
 * Locks traces until the transaction ends.
 * @param traces sorted by key
 * @returns those that exist
 */
export async function traceLockExisting(
  db: Queryable,
  traces: readonly RowKey[],
): Promise<RowKey[]> {
  return runStatement(db, 'trace_lock_existing', columnsOf(traces))
}
