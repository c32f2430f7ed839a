import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { constants, deflateRaw, inflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** A job's data as a datastore keeps it: JSON, or bytes where it is large, compressed or not. */
export type Packed = string | Buffer

/** The number of bytes from which compression pays. Below it, the thread pool costs more than it saves. */
const compressFrom = 16_384
const compressed = 'z'

/**
 * Packs the data of a job. Large data is mostly JSON in strings, which `JSON.stringify` would escape character by
 * character. The structured clone of `serialize` copies it (5 ms for 20 MB instead of 60), and any later version of
 * Node reads it. To compress text costs five times as much as that, and makes it two to three times smaller.
 */
export async function packJob(data: unknown, isCompressed = true): Promise<Packed> {
  const bytes = serialize(data)
  if (bytes.length < compressFrom) return JSON.stringify(data)
  return isCompressed ? deflate(bytes, { level: constants.Z_BEST_SPEED }) : bytes
}

/** The first byte of what `serialize` makes. Compressed data cannot begin with it: such a block does not exist. */
const plainStart = 0xff

export async function unpackJob(packed: Packed): Promise<unknown> {
  if (typeof packed === 'string') return JSON.parse(packed)
  return deserialize(packed[0] === plainStart ? packed : await inflate(packed))
}

/**
 * Returns packed data as text, because BullMQ's column on Postgres is jsonb, which refuses NUL and lone surrogates
 * and reorders keys. BullMQ quotes the text again (three times over on Postgres), so JSON with many quotes would grow
 * at every step: bytes are written as base64.
 */
export function packedToText(packed: Packed): string {
  return typeof packed === 'string' ? packed : compressed + packed.toString('base64')
}

/** @param text what `packedToText` made */
export function packedFromText(text: string): Packed {
  return text.startsWith(compressed) ? Buffer.from(text.slice(compressed.length), 'base64') : text
}
