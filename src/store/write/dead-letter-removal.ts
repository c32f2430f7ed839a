import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import type { KeptEventFilter } from '../read/dead-letters.ts'

/** Removes kept events. @returns how many there were */
export async function deadLetterDeleteMany(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<number> {
  return (await runStatement(db, 'dead_letter_delete_many', [tenantId, ids])).length
}

/** Removes the newest `most` of the kept events that meet some conditions. @returns how many there were */
export async function deadLetterDeleteSome(
  db: Db,
  tenantId: string,
  { kind, reason, before }: KeptEventFilter & { before: Timestamp },
  most: number,
): Promise<number> {
  const rows = await runStatement(db, 'dead_letter_delete_some', [
    tenantId,
    kind ?? null,
    reason ?? null,
    before,
    most,
  ])
  return rows.length
}
