import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { streamBytes } from './front-door/backpressure.ts'
import { BodyError } from './body-error.ts'
import { isMultipart } from './multipart.ts'
import { SlowBodyError } from './front-door/slow-bodies.ts'
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
    // Nothing reads the body of such a request.
    if (request.method === 'GET' || request.method === 'HEAD') return payload
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() || 'identity'
    // A plain body is counted in read-body.ts. Only a body that a route reads as a stream is counted here.
    const isStreamed =
      request.routeOptions.config.isStreamed === true ||
      isMultipart(request.headers['content-type'])
    if (encoding === 'identity' && !isStreamed) return payload
    const decode = decoders[encoding]
    if (decode === undefined) {
      throw new BodyError('encoding', `Content-Encoding ${encoding.slice(0, 100)} is not supported`)
    }
    return decodedBody(request, decode, isStreamed)
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.closesConnection) reply.header('connection', 'close')
    else if (!request.raw.complete) {
      // Fastify would close the connection, and a client that is still sending would see a reset instead of the answer
      // (contracts/langsmith.md 5.19). The rest of the body is read and discarded instead.
      reply.removeHeader('connection')
      drain(request)
    }
    done(null, payload)
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

/**
 * @param isStreamed true if the route itself reports what it keeps in memory. Then only what the stream holds is
 * counted here.
 */
function decodedBody(request: FastifyRequest, decode: Decode, isStreamed: boolean): Readable {
  async function* decoded(): AsyncGenerator<Buffer> {
    const maxBytes = request.routeOptions.bodyLimit
    let decodedBytes = 0
    try {
      for await (const chunk of decode(arrivingBytes(request))) {
        if (isStreamed && decodedBytes === 0) request.holdBytes(streamBytes)
        decodedBytes += chunk.length
        if (decodedBytes > maxBytes) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
        yield chunk
      }
    } catch (error) {
      if (error instanceof ZstdError) throw new BodyError('encoding', error.message)
      throw error
    }
  }
  return Readable.from(decoded(), { objectMode: false, highWaterMark: chunkSize })
}

/** Yields the body as it was sent, and watches its rate while the next bytes are awaited. */
async function* arrivingBytes(request: FastifyRequest): AsyncGenerator<Buffer> {
  const rates = request.server.bodyRates
  let tellSlow = (): void => {}
  const slow = new Promise<never>((_, reject) => {
    tellSlow = () => reject(new SlowBodyError('The body came too slowly'))
  })
  slow.catch(() => {})
  const watched = rates.watch(() => tellSlow())
  // Destroying the request would destroy its socket, and the answer with it.
  const chunks: AsyncIterator<Buffer> = request.raw.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      watched.isAwaited = true
      const next = await Promise.race([chunks.next(), slow])
      if (next.done === true) return
      watched.isAwaited = false
      watched.received += next.value.length
      yield next.value
    }
  } catch (cause) {
    if (cause instanceof SlowBodyError) {
      request.closesConnection = true
      throw cause
    }
    // The client has gone away.
    throw new BodyError('length', undefined, { cause })
  } finally {
    rates.unwatch(watched)
    // Not awaited, because it would wait for a chunk that is still requested.
    void chunks.return?.()
  }
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

/** Reads and discards the rest of a body whose request was answered already, unless it arrives too slowly. */
function drain({ raw, server }: FastifyRequest): void {
  const watched = server.bodyRates.watch(() => raw.destroy())
  raw.on('data', (chunk: Buffer) => {
    watched.received += chunk.length
    if (watched.received > maxDrainedBytes) raw.destroy()
  })
  raw.on('error', () => {})
  raw.on('close', () => server.bodyRates.unwatch(watched))
  raw.resume()
}
