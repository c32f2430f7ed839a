import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isMultipart } from './multipart.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Tells that so much more of the body, decoded, is now in memory.
     * @throws OverloadedError when there is no room for it beside the other bodies
     */
    holdBytes(more: number): void
  }
}

/** The server holds as many request bodies as it may. Each dialect answers 503 with `Retry-After`. */
export class OverloadedError extends Error {
  override name = 'OverloadedError'
}

/** What a body is taken for, to begin with, that is streamed or does not tell its length. */
const unknownBytes = 1_048_576

/**
 * How much larger JSON is than what a client compressed it to, at least; decoding a body to refuse it then would be work
 * for nothing. Only up to a quarter of the budget: attachments in it, which are not held, do not expand.
 */
const expansion = 4
const mostExpandedBytes = 12 * 1_048_576

/** What a request may hold before it asks. Only the length of a body that is read as it comes is the truth. */
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
 * SPEC I7: refuses a request when the bodies under way would exceed the budget: before its body is read where its length
 * tells, or else as it grows. A body costs several times its size while it is parsed and translated, so this is what
 * bounds the memory of a burst, and the time until the last of it is answered. A request that is alone is let in: its
 * size has a limit of its own.
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
    // The client went away.
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

  /** Also for a client that went away before it was answered. */
  function release(request: object): void {
    inFlight -= shares.get(request)?.reserved ?? 0
    shares.delete(request)
  }
}
