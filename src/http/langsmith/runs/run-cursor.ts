import type { RunKey } from '../../../store/read/runs/run-query-sql.ts'
import type { Principal } from '../../auth.ts'
import { readCursor, writeCursor } from '../cursor.ts'

/** Behind which run a list goes on. A cursor of the other order is refused. */
export function writeRunCursor(
  principal: Pick<Principal, 'tenantId'>,
  order: 'asc' | 'desc',
  { startTime, id }: RunKey,
): string {
  return writeCursor(principal, `runs ${order}`, [startTime, id])
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
