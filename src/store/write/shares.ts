import { randomUUID } from 'node:crypto'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import type { ShareKind } from '../read/shares.ts'
import { runStatement } from '../statements.ts'

/**
 * Shares a thing with whoever has the token. A thing that is already shared keeps its token.
 * @param hasExperiments whether the experiments on a dataset are shared too; null leaves that, and is true at first
 * @returns the token
 */
export async function shareUpsert(
  db: Queryable,
  tenantId: string,
  kind: ShareKind,
  id: string,
  now: Timestamp,
  hasExperiments: boolean | null = null,
): Promise<string> {
  const parameters = [tenantId, kind, id, randomUUID(), now, hasExperiments]
  const [row] = await runStatement<{ token: string }>(db, 'share_upsert', parameters)
  return row!.token
}

/** Ends the sharing of a thing. Does nothing when it is not shared. */
export async function shareDelete(
  db: Queryable,
  tenantId: string,
  kind: ShareKind,
  id: string,
): Promise<void> {
  await runStatement(db, 'share_delete', [tenantId, kind, id])
}
