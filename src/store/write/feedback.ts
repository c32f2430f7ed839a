import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * Deletes one piece of feedback for good: later writes of it are dropped, the experiments it counted in are marked dirty.
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
