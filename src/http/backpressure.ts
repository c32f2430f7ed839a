import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The server holds as many request bodies as it may. Each dialect answers 503 with `Retry-After`. */
export class OverloadedError extends Error {
  override name = 'OverloadedError'
}

/** What a body is taken for that is streamed, or does not tell its length. */
const streamedBytes = 4 * 1_048_576

function bytesOf({ headers, routeOptions }: FastifyRequest): number {
  const length = headers['content-length']
  const isStreamed =
    routeOptions.config.isStreamed === true || headers['content-type']?.startsWith('multipart/')
  return length === undefined || isStreamed ? streamedBytes : Number(length)
}

/**
 * SPEC I7: refuses a request, before its body is read, when the bodies under way would exceed the budget. A body costs
 * several times its size while it is parsed and translated, so this is what bounds the memory of a burst. A request that
 * comes alone is always let in: its size has a limit of its own.
 */
export function limitBytesInFlight(app: FastifyInstance, budgetBytes: number): void {
  const held = new WeakMap<object, number>()
  let inFlight = 0

  app.addHook('onRequest', async (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const bytes = bytesOf(request)
    if (inFlight > 0 && inFlight + bytes > budgetBytes)
      throw new OverloadedError('too many bytes in flight')
    inFlight += bytes
    held.set(request, bytes)
    request.raw.once('close', () => release(request))
  })
  app.addHook('onResponse', async (request) => release(request))

  /** Also for a client that went away before it was answered. */
  function release(request: object): void {
    inFlight -= held.get(request) ?? 0
    held.delete(request)
  }
}
