import type { FastifyRequest } from 'fastify'
import type { Log } from '../domain/log.ts'

/** Notes a request that could not be answered now; it passes by itself. */
export function logUnavailable(log: Log, error: unknown, request: FastifyRequest): void {
  log.warn(factsOf(error, request), 'unavailable')
}

/** Notes a request that failed, which is our fault. */
export function logFailure(log: Log, error: unknown, request: FastifyRequest): void {
  log.error(factsOf(error, request), 'request failed')
}

/**
 * Whoever reads the log must not be able to use what is in it: a query holds the signatures of links and what clients
 * look for, and a token in the path is a key.
 */
function factsOf(error: unknown, request: FastifyRequest): object {
  const route = request.routeOptions.url?.split('/') ?? []
  const [path = ''] = request.url.split('?')
  const segments = path
    .split('/')
    .map((segment, i) => (/^:\w*token$/i.test(route[i] ?? '') ? route[i] : segment))
  return { err: error, method: request.method, path: segments.join('/') }
}
