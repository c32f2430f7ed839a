import { ZSTDDecoder } from 'zstddec/stream'

/** The bytes are not zstd (RFC 8878), or end too early. */
export class ZstdError extends Error {
  override name = 'ZstdError'
}

/**
 * Decodes zstd frames (RFC 8878) as a stream, at most 128 KiB at a time and only as fast as the reader reads. It uses
 * the reference decoder as WebAssembly, which reaches 300 MB/s and runs on every version of Node.
 *
 * The decoder of node:zlib (22.15 and newer) would lose data: its stream ends without an error after the first of
 * several frames, even a skippable one (22.23 and 24.21), and where the data is cut off (22.23; 24.21 reports that). It
 * was no faster either. test/http/decode.test.ts has a case for each.
 * @throws ZstdError
 */
export async function* decodeZstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = idle.pop() ?? (await createDecoder())
  const stream = decoder.open()
  try {
    for await (const chunk of source) {
      // A piece of input can expand 30,000 times. So each step fills one output buffer, and then waits to be asked for
      // more.
      for (let at = 0; at < chunk.length; at += inputBytes) {
        stream.give(chunk.subarray(at, at + inputBytes))
        for (let output = stream.take(); output !== null; output = stream.take()) yield output
      }
    }
    if (!stream.isAtFrameEnd()) throw new ZstdError('zstd data ends too early')
  } finally {
    stream.close()
    // WebAssembly memory never shrinks, so a decoder that has met a large window is left to the garbage collector.
    if (idle.length < maxIdle && decoder.memoryBytes() <= maxMemoryBytes) idle.push(decoder)
  }
}

const inputBytes = 65_536
const maxIdle = 4
/**
 * Enough for a window of 8 MiB, the largest that a sender may use in HTTP (RFC 9659). The decoder would take 128 MiB for
 * whoever asks.
 */
const maxMemoryBytes = 32 * 1_048_576

interface Decoder {
  open(): DecoderStream
  memoryBytes(): number
}

/** Call `give`, and then `take` until it returns null. */
interface DecoderStream {
  give(input: Uint8Array): void
  /**
   * @returns null once the input is used up
   * @throws ZstdError
   */
  take(): Buffer | null
  isAtFrameEnd(): boolean
  close(): void
}

const idle: Decoder[] = []

/** What the WebAssembly build of the reference decoder exports. Sizes and pointers have 32 bits. */
interface ZstdExports {
  memory: { readonly buffer: ArrayBuffer }
  malloc(size: number): number
  free(pointer: number): void
  ZSTD_createDCtx(): number
  ZSTD_freeDCtx(context: number): number
  ZSTD_DStreamOutSize(): number
  ZSTD_decompressStream(context: number, output: number, input: number): number
}

/** The members of the WebAssembly API that are used here. Node's types leave them to those of the browser. */
const { WebAssembly: webAssembly } = globalThis as unknown as {
  WebAssembly: {
    instantiate(module: object, imports: object): Promise<{ exports: unknown }>
  }
}

/**
 * Gives access to the package's compiled module, which `init` returns: the package keeps that promise for the process. Its own
 * streaming loop uses one memory for the whole process, cannot wait for input and ignores the decoder's errors, so this file
 * has another loop.
 */
class ModuleOnly extends ZSTDDecoder {
  override _init = (source: { module: object }): object => source.module
}

let compiled: Promise<object> | undefined

async function compile(): Promise<object> {
  return (await new ModuleOnly().init()) as unknown as object
}

async function createDecoder(): Promise<Decoder> {
  compiled ??= compile()
  const instance = await webAssembly.instantiate(await compiled, {
    env: { emscripten_notify_memory_growth: () => {} },
  })
  const zstd = instance.exports as ZstdExports
  return {
    open: () => openStream(zstd),
    memoryBytes: () => zstd.memory.buffer.byteLength,
  }
}

/** zstd returns an error as one of the last 120 values of `size_t`. */
const firstError = 0xffffff88

/** @see ZSTD_decompressStream in zstd.h */
function openStream(zstd: ZstdExports): DecoderStream {
  const outputBytes = zstd.ZSTD_DStreamOutSize()
  const context = zstd.ZSTD_createDCtx()
  const input = zstd.malloc(inputBytes)
  const output = zstd.malloc(outputBytes)
  // Two structs {pointer, size, position} of 32-bit words: ZSTD_inBuffer and ZSTD_outBuffer.
  const structs = zstd.malloc(24)
  let size = 0
  let position = 0
  let isOutputFull = false
  let wanted = 0

  return {
    give(bytes) {
      new Uint8Array(zstd.memory.buffer).set(bytes, input)
      size = bytes.length
      position = 0
    },
    take() {
      // A full output may have more behind it, unless it ends a frame: another call would begin the next one.
      if (position === size && (!isOutputFull || wanted === 0)) return null
      new Uint32Array(zstd.memory.buffer, structs, 6).set([
        input,
        size,
        position,
        output,
        outputBytes,
        0,
      ])
      wanted = zstd.ZSTD_decompressStream(context, structs + 12, structs) >>> 0
      if (wanted >= firstError) throw new ZstdError('Invalid zstd data')
      // The decoder takes memory for the window as soon as it has read a frame's header.
      if (zstd.memory.buffer.byteLength > maxMemoryBytes) {
        throw new ZstdError('The window of the zstd data is larger than 8 MiB')
      }
      // A new view each time, because the memory may have grown during the call, which detaches older views.
      const words = new Uint32Array(zstd.memory.buffer, structs, 6)
      position = words[2]!
      const written = words[5]!
      isOutputFull = written === outputBytes
      return Buffer.from(new Uint8Array(zstd.memory.buffer, output, written))
    },
    isAtFrameEnd: () => wanted === 0,
    close() {
      zstd.ZSTD_freeDCtx(context)
      for (const pointer of [input, output, structs]) zstd.free(pointer)
    },
  }
}
