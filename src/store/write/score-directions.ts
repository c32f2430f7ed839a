import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** Keeps which way a score is better. */
export async function scoreDirectionUpsert(
  db: Queryable,
  tenantId: string,
  key: string,
  isLowerBetter: boolean,
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'score_direction_upsert', [tenantId, key, isLowerBetter, now])
}

/** Forgets which way a score is better. */
export async function scoreDirectionDelete(
  db: Queryable,
  tenantId: string,
  key: string,
): Promise<void> {
  await runStatement(db, 'score_direction_delete', [tenantId, key])
}
