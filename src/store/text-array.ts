/** A parameter in Postgres' binary format. `patches/` teaches the driver to send it as it is. */
export interface BinaryParameter {
  binary: Uint8Array
}

const headerBytes = 20
/** The oid of the type text. */
const textOid = 25
/** The most bytes that one UTF-16 code unit takes in UTF-8. */
const maxBytesPerUnit = 3

/**
 * Encodes texts as a `text[]` for `unnest`. In the text format, each quote and backslash of a payload is escaped here and
 * looked at again by the server; here it is copied.
 * @returns null when all are null: `unnest` fills up the shorter of several arrays with nulls
 */
export function textArray(texts: readonly (string | null)[]): BinaryParameter | null {
  let [most, nulls] = [headerBytes, 0]
  for (const text of texts) {
    most += 4 + (text === null ? 0 : text.length * maxBytesPerUnit)
    if (text === null) nulls += 1
  }
  if (nulls === texts.length) return null
  const binary = Buffer.allocUnsafe(most)
  binary.writeInt32BE(1, 0)
  binary.writeInt32BE(nulls === 0 ? 0 : 1, 4)
  binary.writeInt32BE(textOid, 8)
  binary.writeInt32BE(texts.length, 12)
  // The index of the first element.
  binary.writeInt32BE(1, 16)
  let end = headerBytes
  for (const text of texts) {
    const bytes = text === null ? -1 : binary.write(text, end + 4)
    binary.writeInt32BE(bytes, end)
    end += 4 + Math.max(bytes, 0)
  }
  return { binary: binary.subarray(0, end) }
}

/**
 * Writes texts in Postgres' text form of an array, `{"a","b"}`, so that one parameter holds them all. The statement
 * casts it to `text[]`.
 */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
