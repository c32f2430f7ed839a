import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import { dirtyTraceInsertMany } from '../dirty-traces.ts'
import { traceDeleteMany } from '../traces.ts'

/** How many traces, and about how many runs, one step deletes: it holds its locks for about a second. */
const traceChunk = 100
const runChunk = 10_000
/** How many tombstones, kept events, or runs without a trace one statement deletes. */
const rowChunk = 1000

/** Whether a tenant has something that is older than it keeps its traces. */
export async function tenantIsOverdue(db: Db, tenantId: string, now: Timestamp): Promise<boolean> {
  return (await runStatement(db, 'tenant_find_overdue', [tenantId, now])).length > 0
}

async function traceListOverdue(
  db: Db,
  tenantId: string,
  now: Timestamp,
  limit: number,
): Promise<{ id: string; runCount: number }[]> {
  return runStatement(db, 'trace_list_overdue', [tenantId, now, limit])
}

/** Counts the traces of a tenant that are older than it keeps them, up to `limit`. */
export async function traceCountOverdue(
  db: Db,
  tenantId: string,
  now: Timestamp,
  limit: number,
): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'trace_count_overdue', [
    tenantId,
    now,
    limit,
  ])
  return row!.count
}

/** @param days null: traces are kept for ever */
export async function tenantUpdateRetention(
  db: Db,
  tenantId: string,
  days: number | null,
): Promise<void> {
  await runStatement(db, 'tenant_update_retention', [tenantId, days])
}

/**
 * Deletes some of the traces of a tenant that began longer ago than it keeps them, the oldest first, with their runs, run items
 * and feedback; their attachments are marked for the collector. What arrives for them later is dropped. What a write leaves that
 * had not seen the deletion is overdue like the trace itself, so it is not looked for apart.
 * @returns how many traces; 0: there are none any more
 */
export async function traceDeleteOverdue(
  db: Db,
  tenantId: string,
  now: Timestamp,
): Promise<number> {
  const found = await traceListOverdue(db, tenantId, now, traceChunk)
  const ids: string[] = []
  for (let runs = 0; ids.length < found.length && (ids.length === 0 || runs < runChunk); ) {
    const { id, runCount } = found[ids.length]!
    ids.push(id)
    runs += runCount
  }
  await traceDeleteMany(db, tenantId, null, ids, now, true)
  return ids.length
}

/**
 * Deletes some of the tombstones of traces and runs that are older than the tenant keeps traces. What arrives now for one of
 * those began before it was deleted, so it is overdue itself.
 * @returns how many; 0: there are none any more
 */
export async function tombstoneDeleteOverdue(
  db: Db,
  tenantId: string,
  now: Timestamp,
): Promise<number> {
  return (await runStatement(db, 'tombstone_delete_overdue', [tenantId, now, rowChunk])).length
}

/**
 * Deletes some of the runs whose trace never came and that began longer ago than the tenant keeps traces, with the feedback
 * on them. Their attachments are found by the next look at all blobs.
 * @returns how many; 0: there are none any more
 */
export async function runDeleteOverdue(db: Db, tenantId: string, now: Timestamp): Promise<number> {
  return db.begin(async (transaction) => {
    const gone = await runStatement<{ id: string }>(transaction, 'run_delete_overdue', [
      tenantId,
      now,
      rowChunk,
    ])
    // A run without a trace counts under its own id.
    await dirtyTraceInsertMany(transaction, tenantId, gone.map(({ id }) => id).toSorted())
    return gone.length
  })
}

/**
 * Deletes some of the dead letters that were received longer ago than the tenant keeps traces.
 * @returns how many; 0: there are none any more
 */
export async function deadLetterDeleteOverdue(
  db: Db,
  tenantId: string,
  now: Timestamp,
): Promise<number> {
  return (await runStatement(db, 'dead_letter_delete_overdue', [tenantId, now, rowChunk])).length
}
