import { createHash, randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

/** One chunk per argument. */
export async function* chunks(...pieces: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

/** Every value that a byte can have, in order and backwards. */
export const everyByte = Buffer.from(
  Array.from({ length: 512 }, (_, index) => (index < 256 ? index : 511 - index)),
)

export interface BigContent {
  content: AsyncIterable<Uint8Array>
  /** The SHA-256, in hex, of what was yielded so far. */
  sha256(): string
}

/**
 * Makes random bytes that are nowhere held as a whole, in chunks like those of a socket.
 * @param onChunk called with each chunk
 */
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

/** Returns what a stream holds. */
export async function readAll(stream: Readable | null): Promise<Buffer | null> {
  return stream === null ? null : buffer(stream)
}
