import type { FastifyRequest } from 'fastify'
import type { Log } from '../domain/log.ts'

/** Logs a request that failed through a fault of ours. What is refused for now is logged by refusals.ts. */
export function logFailure(log: Log, error: unknown, request: FastifyRequest): void {
  log.error({ err: error, ...placeOf(request) }, 'request failed')
}

/**
 * Readers of the log must not be able to use what they find in it. The query string is left out because it contains
 * signatures of links and what clients search for, and tokens in the path because they are keys.
 */
export function placeOf(request: FastifyRequest): { method: string; path: string } {
  const route = request.routeOptions.url?.split('/') ?? []
  const [path = ''] = request.url.split('?')
  const segments = path
    .split('/')
    .map((segment, i) => (/^:\w*token$/i.test(route[i] ?? '') ? route[i] : segment))
  return { method: request.method, path: segments.join('/') }
}
