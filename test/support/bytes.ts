import { createHash, randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

/** One chunk per argument. */
export async function* chunks(...parts: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

/** Every value a byte can have, in order and backwards. */
export const everyByte = Buffer.from(
  Array.from({ length: 512 }, (_, index) => (index < 256 ? index : 511 - index)),
)

export interface BigContent {
  content: AsyncIterable<Uint8Array>
  /** Of what was yielded so far. Hex. */
  sha256(): string
}

/** Random bytes that are nowhere as a whole, in chunks as sockets give them. @param onChunk called with each */
export function bigContent(size: number, onChunk: () => void = () => {}): BigContent {
  const hash = createHash('sha256')
  async function* generate(): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; left -= 65_536) {
      const chunk = randomBytes(Math.min(65_536, left))
      hash.update(chunk)
      onChunk()
      yield chunk
    }
  }
  return { content: generate(), sha256: () => hash.copy().digest('hex') }
}

/** What a stream holds. */
export async function readAll(stream: Readable | null): Promise<Buffer | null> {
  return stream === null ? null : buffer(stream)
}
