import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isMultipart } from './multipart.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Reports that this many more bytes of the decoded body are in memory now.
     * @throws OverloadedError when there is no room for them beside the other bodies
     */
    holdBytes(more: number): void
  }
}

/** The server holds as many bytes of request bodies as it may. Each dialect answers 503 with `Retry-After`. */
export class OverloadedError extends Error {
  override name = 'OverloadedError'
}

/** The bytes that are reserved at first for a body that is streamed or does not state its length. */
const unknownBytes = 1_048_576

/**
 * The least by which compressed JSON expands. Counting it in advance avoids decoding a body only to refuse it then. It
 * is counted up to a quarter of the budget only, because attachments in a body are not held and do not expand.
 */
const expansion = 4
const mostExpandedBytes = 12 * 1_048_576

/**
 * Returns how many bytes a request may hold before it has to ask. Only for a body that Fastify reads as it comes is the
 * stated length exact.
 */
function reservedBytes({ headers, routeOptions }: FastifyRequest): number {
  const length = headers['content-length']
  if (length === undefined || routeOptions.config.isStreamed === true) return unknownBytes
  if (headers['content-encoding'] !== undefined) {
    return Math.min(Number(length) * expansion, mostExpandedBytes)
  }
  return isMultipart(headers['content-type']) ? unknownBytes : Number(length)
}

interface Share {
  reserved: number
  held: number
}

/**
 * SPEC I7: refuses a request when the bodies in progress would exceed the budget. That is decided before the body is
 * read when its length is known, and otherwise as it grows. A body takes several times its size while it is parsed and
 * translated, so this limits the memory of a burst of requests, and the time until the last of them is answered. A
 * request that is alone is always admitted, because its size has a limit of its own.
 */
export function limitBytesInFlight(app: FastifyInstance, budgetBytes: number): void {
  const shares = new WeakMap<object, Share>()
  let inFlight = 0

  function reserve(share: Share, bytes: number): void {
    const others = inFlight - share.reserved
    if (others > 0 && others + bytes > budgetBytes)
      throw new OverloadedError('too many bytes in flight')
    inFlight = others + bytes
    share.reserved = bytes
  }

  app.decorateRequest('holdBytes', function (this: FastifyRequest, more: number) {
    const share = shares.get(this)
    // The client has gone away.
    if (share === undefined) return
    share.held += more
    if (share.held > share.reserved) reserve(share, share.held)
  })
  app.addHook('onRequest', async (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const share = { reserved: 0, held: 0 }
    reserve(share, reservedBytes(request))
    shares.set(request, share)
    request.raw.once('close', () => release(request))
  })
  app.addHook('onResponse', async (request) => release(request))

  /** Also called for a client that went away before it was answered. */
  function release(request: object): void {
    inFlight -= shares.get(request)?.reserved ?? 0
    shares.delete(request)
  }
}
