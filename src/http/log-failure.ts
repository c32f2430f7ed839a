import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Log } from '../domain/log.ts'

/** How often a refusal of one kind is told. An overload refuses thousands of requests a second, all for one reason. */
const repeatAfterMs = 10_000
const rememberAtMost = 100

/** For each log: the kinds of refusal that were told lately, and how many came since. */
const told = new WeakMap<Log, LRUCache<string, { since: number }>>()

/**
 * Logs a request that is refused for now, which passes by itself: a line without a stack, at most one in ten seconds
 * for each kind. The next line of the kind counts those that were left out.
 */
export function logRefusal(log: Log, error: unknown, request: FastifyRequest): void {
  const kinds =
    told.get(log) ??
    new LRUCache<string, { since: number }>({ max: rememberAtMost, ttl: repeatAfterMs })
  told.set(log, kinds)
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  // The text may name a row or a time; the first words tell the kinds apart.
  const kind = reason.slice(0, 60)
  const known = kinds.get(kind, { allowStale: true })
  if (known !== undefined && kinds.getRemainingTTL(kind) > 0) {
    known.since += 1
    return
  }
  kinds.set(kind, { since: 0 })
  log.warn({ reason, ...placeOf(request), leftOut: known?.since ?? 0 }, 'requests refused for now')
}

/** Logs a request that failed through a fault of ours. */
export function logFailure(log: Log, error: unknown, request: FastifyRequest): void {
  log.error({ err: error, ...placeOf(request) }, 'request failed')
}

/**
 * Readers of the log must not be able to use what they find in it. The query string is left out because it contains
 * signatures of links and what clients search for, and tokens in the path because they are keys.
 */
function placeOf(request: FastifyRequest): object {
  const route = request.routeOptions.url?.split('/') ?? []
  const [path = ''] = request.url.split('?')
  const segments = path
    .split('/')
    .map((segment, i) => (/^:\w*token$/i.test(route[i] ?? '') ? route[i] : segment))
  return { method: request.method, path: segments.join('/') }
}
