/** A parameter in Postgres' binary format. `patches/` teaches the driver to have it written where it is sent from. */
export interface BinaryParameter {
  binary: {
    /** In bytes. */
    length: number
    writeTo(target: Buffer, at: number): void
  }
}

const headerBytes = 20
/** The oid of the type text. */
const textOid = 25

/**
 * Encodes texts as a `text[]` for `unnest`. In the text format, each quote and backslash of a payload is escaped here and
 * looked at again by the server; here it is copied, once. Buffers of its own would hold as much again, and when the
 * young ones hold 32 MiB, V8 collects garbage.
 * @returns null when all are null: `unnest` fills up the shorter of several arrays with nulls
 */
export function textArray(texts: readonly (string | null)[]): BinaryParameter | null {
  let [length, nulls] = [headerBytes, 0]
  for (const text of texts) {
    length += 4 + (text === null ? 0 : Buffer.byteLength(text))
    if (text === null) nulls += 1
  }
  if (nulls === texts.length) return null
  return {
    binary: {
      length,
      writeTo(target, at) {
        target.writeInt32BE(1, at)
        target.writeInt32BE(nulls === 0 ? 0 : 1, at + 4)
        target.writeInt32BE(textOid, at + 8)
        target.writeInt32BE(texts.length, at + 12)
        // The index of the first element.
        target.writeInt32BE(1, at + 16)
        let end = at + headerBytes
        for (const text of texts) {
          const bytes = text === null ? -1 : target.write(text, end + 4)
          target.writeInt32BE(bytes, end)
          end += 4 + Math.max(bytes, 0)
        }
      },
    },
  }
}

/**
 * Returns an expression for one of the `values` of an insert, which then has a row for each element of such an array. An
 * insert that selects from `unnest` costs the coordinator about twice as much where tables are spread over nodes: Citus plans it for every
 * part of the table, and sends the rows before the statement. Elements are cast before they are unnested, because an engine
 * that evaluates casts on its coordinator cannot do so with a set.
 * @param given the placeholder
 * @param type of the column
 */
export function unnested(given: string, type: string): string {
  return type.endsWith('[]')
    ? `runmill_unnest_${type.slice(0, -2)}s(${given}::text[])`
    : `unnest(${given}::text[]::${type}[])`
}

/**
 * Writes texts in Postgres' text form of an array, `{"a","b"}`, so that one parameter holds them all. The statement
 * casts it to `text[]`.
 */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
