import type { IncomingMessage } from 'node:http'
import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { errorCodes, type FastifyInstance } from 'fastify'
import { BodyError } from './body.ts'
import { isMultipart } from './multipart.ts'
import { decodeZstd, ZstdError } from './zstd.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True when the route reads its body as a stream, whatever the content type. The whole body is never in memory. */
    isStreamed?: boolean
  }
}

/**
 * Undoes the `Content-Encoding` of every request: gzip, deflate and zstd. It decodes as a stream that never holds more
 * than a few blocks, and counts the decoded bytes up to the route's body limit (contracts/langsmith.md 2.6.2; by 1.5 c,
 * 413 means that a body will always be too large). When the answer comes before the whole body was read, the client is
 * not cut off.
 */
export function decodeBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, _reply, payload) => {
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() || 'identity'
    // Fastify reads and counts a plain body itself. Only a body that a route reads as a stream is counted here.
    const isStreamed =
      request.routeOptions.config.isStreamed === true ||
      isMultipart(request.headers['content-type'])
    if (encoding === 'identity' && !isStreamed) return payload
    const decode = decoders[encoding]
    if (decode === undefined) {
      throw new BodyError('encoding', `Content-Encoding ${encoding.slice(0, 100)} is not supported`)
    }
    // For a streamed body, the route reports what it keeps in memory.
    const hold = isStreamed ? () => {} : (bytes: number) => request.holdBytes(bytes)
    return decodedBody(request.raw, decode, request.routeOptions.bodyLimit, hold)
  })
  app.addHook('onSend', async (request, reply) => {
    if (request.raw.complete) return
    // Fastify would close the connection, and a client that is still sending would see a reset instead of the answer
    // (contracts/langsmith.md 5.19). The rest of the body is read and discarded instead.
    reply.removeHeader('connection')
    drain(request.raw)
  })
}

type Decode = (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer>

const decoders: Readonly<Record<string, Decode>> = {
  identity: (source) => source,
  gzip: (source) => decodeZlib(source, createGunzip({ chunkSize })),
  'x-gzip': (source) => decodeZlib(source, createGunzip({ chunkSize })),
  deflate: (source) => decodeZlib(source, createInflate({ chunkSize })),
  zstd: decodeZstd,
}

const chunkSize = 65_536

/** After this many bytes the connection is closed: nobody sends that much by mistake. */
const maxDrainedBytes = 256 * 1_048_576

function decodedBody(
  raw: IncomingMessage,
  decode: Decode,
  maxBytes: number,
  hold: (bytes: number) => void,
): Readable {
  let encodedBytes = 0
  async function* encoded(): AsyncGenerator<Buffer> {
    // Destroying the request would destroy its socket too, and the answer with it.
    const chunks: AsyncIterable<Buffer> = raw.iterator({ destroyOnReturn: false })
    try {
      for await (const chunk of chunks) {
        encodedBytes += chunk.length
        yield chunk
      }
    } catch (cause) {
      // The client has gone away.
      throw new BodyError('length', undefined, { cause })
    }
  }
  async function* decoded(): AsyncGenerator<Buffer> {
    let decodedBytes = 0
    try {
      for await (const chunk of decode(encoded())) {
        decodedBytes += chunk.length
        if (decodedBytes > maxBytes) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
        hold(chunk.length)
        yield chunk
      }
    } catch (error) {
      if (error instanceof ZstdError) throw new BodyError('encoding', error.message)
      throw error
    }
  }
  const body = Readable.from(decoded(), { objectMode: false, highWaterMark: chunkSize })
  // Fastify compares this with Content-Length.
  return Object.defineProperty(body, 'receivedEncodedLength', { get: () => encodedBytes })
}

async function* decodeZlib(
  source: AsyncIterable<Buffer>,
  decoder: Transform,
): AsyncGenerator<Buffer> {
  pipeline(source, decoder, () => {})
  try {
    yield* decoder as AsyncIterable<Buffer>
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!code.startsWith('Z_')) throw error
    const reason =
      code === 'Z_BUF_ERROR' ? 'Compressed data ends too early' : 'Invalid compressed data'
    throw new BodyError('encoding', reason)
  }
}

function drain(raw: IncomingMessage): void {
  let left = maxDrainedBytes
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) raw.destroy()
  })
  raw.on('error', () => {})
  raw.resume()
}
