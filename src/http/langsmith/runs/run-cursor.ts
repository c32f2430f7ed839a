import type { RunKey } from '../../../store/read/runs/run-query-sql.ts'
import type { Principal } from '../../auth.ts'
import { readCursor, writeCursor } from '../cursor.ts'

/** A cursor names the last run of a page. It is refused in a list of the other order. */
export function writeRunCursor(
  principal: Pick<Principal, 'tenantId'>,
  order: 'asc' | 'desc',
  { startTime, id }: RunKey,
): string {
  return writeCursor(principal, `runs ${order}`, [startTime, id])
}

/** `cursors` of a v1 list: none leads back. @param next the last run of the page, null at the end of the list */
export function runCursors(
  principal: Pick<Principal, 'tenantId'>,
  order: 'asc' | 'desc',
  next: RunKey | null,
): { next: string | null; prev: null } {
  return { next: next === null ? null : writeRunCursor(principal, order, next), prev: null }
}

/** @throws LangsmithError 400 */
export function readRunCursor(
  principal: Pick<Principal, 'tenantId'>,
  order: 'asc' | 'desc',
  cursor: string,
): RunKey {
  const [startTime = '', id = ''] = readCursor(principal, `runs ${order}`, cursor)
  return { startTime, id }
}
