import { Zstd } from '@hpcc-js/wasm-zstd'

/** Compresses as Python's client does: level 3, one frame. */
export async function zstdCompress(bytes: Uint8Array): Promise<Buffer> {
  const zstd = await Zstd.load()
  return Buffer.from(zstd.compress(bytes, 3))
}

const blockBytes = 131_072

/**
 * Makes a valid zstd frame of `blocks` times 128 KiB of zeros, with 4 bytes for each (RFC 8878 3.1.1.2, RLE blocks).
 */
export function zstdBomb(blocks: number): Buffer {
  // The magic number, no content size, and a window of 1 MiB.
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50])
  const block = Buffer.alloc(4)
  block.writeUIntLE((blockBytes << 3) | (1 << 1), 0, 3)
  const last = Buffer.from(block)
  last[0]! |= 1
  return Buffer.concat([head, ...Array<Buffer>(blocks - 1).fill(block), last])
}
