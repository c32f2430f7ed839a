import { createHash } from 'node:crypto'
import type { Principal } from '../auth.ts'
import { LangsmithError } from './errors.ts'

/**
 * An opaque position in a list: the values that a read needs to continue, behind a checksum over them, the tenant and
 * the list. A cursor grants no access, so the checksum needs no secret: it only tells our cursors from any other text.
 * @param list what is listed, and in which order
 */
export function writeCursor(
  { tenantId }: Pick<Principal, 'tenantId'>,
  list: string,
  values: readonly string[],
): string {
  const text = JSON.stringify(values)
  return Buffer.from(checksum(tenantId, list, text) + text, 'utf8').toString('base64url')
}

/** @throws LangsmithError 400 for anything that `writeCursor` did not make for this tenant and list */
export function readCursor(
  { tenantId }: Pick<Principal, 'tenantId'>,
  list: string,
  cursor: string,
): string[] {
  const whole = Buffer.from(cursor, 'base64url').toString('utf8')
  const text = whole.slice(checksumLength)
  if (whole.slice(0, checksumLength) !== checksum(tenantId, list, text)) {
    throw new LangsmithError(400, 'Invalid cursor')
  }
  return JSON.parse(text) as string[]
}

const checksumLength = 16

function checksum(tenantId: string, list: string, text: string): string {
  const hash = createHash('sha256').update(JSON.stringify([tenantId, list, text]))
  return hash.digest('hex').slice(0, checksumLength)
}
