import type { FastifyRequest } from 'fastify'
import type { Log } from '../domain/log.ts'

/** Logs a request that could not be answered for a reason that passes by itself. */
export function logUnavailable(log: Log, error: unknown, request: FastifyRequest): void {
  log.warn(factsOf(error, request), 'unavailable')
}

/** Logs a request that failed through a fault of ours. */
export function logFailure(log: Log, error: unknown, request: FastifyRequest): void {
  log.error(factsOf(error, request), 'request failed')
}

/**
 * Readers of the log must not be able to use what they find in it. The query string is left out because it contains
 * signatures of links and what clients search for, and tokens in the path because they are keys.
 */
function factsOf(error: unknown, request: FastifyRequest): object {
  const route = request.routeOptions.url?.split('/') ?? []
  const [path = ''] = request.url.split('?')
  const segments = path
    .split('/')
    .map((segment, i) => (/^:\w*token$/i.test(route[i] ?? '') ? route[i] : segment))
  return { err: error, method: request.method, path: segments.join('/') }
}
