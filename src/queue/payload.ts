import { promisify } from 'node:util'
import { constants, deflateRaw, inflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** From here on it pays: below, base64 and the thread pool cost more than they save. */
const compressFrom = 16_384
const compressed = 'z'

/**
 * A job's data as the text that a datastore keeps: JSON, compressed where it is large. Text, because BullMQ's column on
 * Postgres is jsonb, which refuses NUL and lone surrogates and reorders keys. BullMQ quotes the text again
 * (three times over on Postgres), so a body of many quotes would grow at every step; and Redis holds it in memory.
 */
export async function packJob(data: unknown): Promise<string> {
  const text = JSON.stringify(data)
  if (text.length < compressFrom) return text
  const bytes = await deflate(text, { level: constants.Z_BEST_SPEED })
  return compressed + bytes.toString('base64')
}

/** @throws when the text is not what `packJob` made */
export async function unpackJob(payload: unknown): Promise<unknown> {
  const text = String(payload)
  if (!text.startsWith(compressed)) return JSON.parse(text)
  const bytes = await inflate(Buffer.from(text.slice(compressed.length), 'base64'))
  return JSON.parse(bytes.toString('utf8'))
}
