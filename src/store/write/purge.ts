import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

export interface Tombstone {
  tenantId: string
  kind: 'experiment'
  id: string
}

/** Rows deleted by one statement: long enough to be quick, short enough not to hold locks. */
const purgeChunk = 1000

/**
 * Removes the rows of a deleted experiment for good, in chunks. Readers do not see them anyway, and late writes are
 * refused by the tombstone, so it may be stopped and repeated at any point.
 */
export async function experimentPurge(
  db: Db,
  tenantId: string,
  experimentId: string,
  now: Timestamp,
): Promise<void> {
  let deleted: object[]
  do {
    deleted = await runStatement(db, 'run_delete_of_experiment', [
      tenantId,
      experimentId,
      purgeChunk,
    ])
  } while (deleted.length > 0)
  await runStatement(db, 'experiment_rows_delete', [tenantId, experimentId])
  await runStatement(db, 'tombstone_update_purged', [tenantId, 'experiment', experimentId, now])
}

/** Deleted experiments that are not purged yet, of all tenants. @param limit how many at most */
export async function tombstoneListUnpurged(db: Db, limit: number): Promise<Tombstone[]> {
  return runStatement<Tombstone>(db, 'tombstone_list_unpurged', [['experiment'], limit])
}
