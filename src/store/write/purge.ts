import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { aggregateLock } from './aggregates/aggregates.ts'
import { blobMarkInsertOfExperiment } from './blobs/blob-marks.ts'
import { traceDeleteMany } from './traces.ts'

export interface Tombstone {
  tenantId: string
  kind: 'experiment' | 'trace'
  id: string
}

/** How many rows one statement deletes: enough to be quick, few enough not to hold locks for long. */
const purgeChunk = 1000

/**
 * Removes the rows of a deleted experiment for good, in chunks. Readers do not see them, and the tombstone keeps late
 * writes out, so it may be stopped and repeated at any point.
 */
export async function experimentPurge(
  db: Db,
  tenantId: string,
  experimentId: string,
  now: Timestamp,
): Promise<void> {
  await blobMarkInsertOfExperiment(db, tenantId, experimentId, now)
  let deleted: object[]
  do {
    deleted = await runStatement(db, 'run_delete_of_experiment', [
      tenantId,
      experimentId,
      purgeChunk,
    ])
  } while (deleted.length > 0)
  for (let isSome = true; isSome; ) {
    const [rest] = await runStatement<{ isSome: boolean }>(db, 'experiment_rows_delete', [
      tenantId,
      experimentId,
      purgeChunk,
    ])
    isSome = rest!.isSome
  }
  await db.begin(async (transaction) => {
    // A refresh that comes later sees that the experiment is gone, and leaves nothing behind.
    await aggregateLock(transaction, tenantId)
    await runStatement(transaction, 'experiment_aggregate_delete', [tenantId, experimentId])
  })
  await tombstoneUpdatePurged(db, { tenantId, kind: 'experiment', id: experimentId }, now)
}

/** Removes what was left in a deleted trace by a write that had not seen its tombstone. */
export async function tracePurge(
  db: Db,
  tenantId: string,
  traceId: string,
  now: Timestamp,
): Promise<void> {
  await traceDeleteMany(db, tenantId, null, [traceId], now)
  await tombstoneUpdatePurged(db, { tenantId, kind: 'trace', id: traceId }, now)
}

async function tombstoneUpdatePurged(
  db: Db,
  { tenantId, kind, id }: Tombstone,
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'tombstone_update_purged', [tenantId, kind, id, now])
}

/**
 * Lists deleted things that are not purged yet, of all tenants.
 * @param settledBefore a time so long ago that every write that began before it has ended
 * @param limit how many at most
 */
export async function tombstoneListUnpurged(
  db: Db,
  settledBefore: Timestamp,
  limit: number,
): Promise<Tombstone[]> {
  return runStatement<Tombstone>(db, 'tombstone_list_unpurged', [settledBefore, limit])
}
