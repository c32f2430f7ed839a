import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * Deletes one piece of feedback for good: later writes of it are dropped, and the experiments that it counted in are
 * marked dirty.
 * @returns false when there is none
 */
export async function feedbackDelete(
  db: Queryable,
  tenantId: string,
  id: string,
  now: Timestamp,
): Promise<boolean> {
  return (await runStatement(db, 'feedback_delete', [tenantId, id, now])).length > 0
}

/**
 * Deletes one piece of feedback, even one that has not arrived yet: writes of it that are on their way are dropped.
 */
export async function feedbackBury(
  db: Db,
  tenantId: string,
  id: string,
  now: Timestamp,
): Promise<void> {
  await db.begin(async (transaction) => {
    // Waits for a worker that wrote it before us. A worker that comes later waits for us, and finds the tombstone.
    await runStatement(transaction, 'feedback_insert_missing', [tenantId, id])
    await feedbackDelete(transaction, tenantId, id, now)
  })
}
