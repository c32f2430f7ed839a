import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import { isTooDeep } from '../../../domain/json.ts'

/** What a request says of a field: undefined keeps the stored value, null clears it. */
export type Payload = JsonText | null | undefined

/** The control characters (C0 and C1) except tab, LF and CR. */
// oxlint-disable-next-line no-control-regex -- these are the characters that are removed
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/**
 * Reads `input`, `expectedOutput` or `metadata` of a dataset item (contracts/langfuse.md 2.5). A string that holds JSON
 * becomes that JSON, and the empty string clears. Any other string loses its control characters. A value that is not a
 * string stays as it was sent.
 * @param sent the JSON text of the member; undefined when it is absent
 */
export function readPayload(sent: JsonText | undefined): Payload {
  if (sent === undefined || sent === 'null') return undefined
  if (!sent.startsWith('"')) return sent
  const plain = storableText((JSON.parse(sent) as string).replace(controls, ''))
  if (plain === '') return null
  if (!isJson(plain)) return JSON.stringify(plain)
  return plain.trim() === 'null' ? null : plain
}

function isJson(plain: string): boolean {
  if (isTooDeep(plain)) return false
  try {
    JSON.parse(plain)
    return true
  } catch {
    return false
  }
}
