import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { BlobsUnavailableError } from '../../blobs/store.ts'
import { LimitError } from '../../domain/limit-error.ts'
import type { Log } from '../../domain/log.ts'
import type { DialectMetrics, Metrics } from '../../metrics/metrics.ts'
import { NotReplicatedError, QueueUnavailableError } from '../../queue/backend.ts'
import type { Flow } from '../../queue/flow.ts'
import {
  isRetryable,
  LateStatisticsError,
  ReadCancelledError,
  ReadsBusyError,
} from '../../store/errors.ts'
import type { Principal } from '../auth.ts'
import { placeOf } from '../log-failure.ts'
import { OverloadedError } from './overloaded-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for routes whose events go through the queue. */
    counts?: DialectMetrics
  }
  interface FastifyRequest {
    /** Counts events that are in the queue now. @param enqueueMs how long the request waited for it */
    countAccepted(events: number, enqueueMs: number): void
    /** Counts events that are refused, which does not count as a refusal of their whole request. */
    countRefused(events: number): void
    /** Why the request is refused for now; null when it is not, or is refused for good. */
    refusal: string | null
    /** Whether events of the request were counted, one by one. */
    isCounted: boolean
  }
}

/** How often a refusal of one kind is told. An overload refuses thousands of requests a second, all for one reason. */
const tellEveryMs = 10_000

/**
 * Counts events that are accepted and refused, by dialect, and tells the log of requests that are refused for now.
 * These hooks see every error before the dialect answers it.
 */
export function watchRefusals(app: FastifyInstance, metrics: Metrics, log: Log, flow: Flow): void {
  const dialects = new Map<string, DialectMetrics>()
  const tell = createRefusalLog(log)

  app.decorateRequest('refusal', null)
  app.decorateRequest('isCounted', false)
  app.decorateRequest('countAccepted', function (this: FastifyRequest, events, enqueueMs) {
    const { counts } = this.routeOptions.config
    counts?.accepted(events)
    counts?.enqueued(enqueueMs / 1000)
  })
  app.decorateRequest('countRefused', function (this: FastifyRequest, events) {
    if (events === 0) return
    this.isCounted = true
    this.routeOptions.config.counts?.eventsRefused(events)
  })
  app.addHook('onRoute', (route) => {
    if (route.config?.isIngest !== true) return
    const name = dialectOf(route.url)
    const counts = dialects.get(name) ?? metrics.dialect(name)
    dialects.set(name, counts)
    route.config.counts = counts
  })
  app.addHook('onError', (request, _, error, done) => {
    request.refusal = refusalOf(error)
    if (request.refusal !== null) tell(request.refusal, error, request)
    done()
  })
  app.addHook('onResponse', (request, { statusCode }, done) => {
    const { counts } = request.routeOptions.config
    if (statusCode >= 400 && !request.isCounted && counts !== undefined) {
      const reason = statusReasons[statusCode] ?? (statusCode < 500 ? 'invalid' : 'failure')
      counts.requestRefused(request.refusal ?? reason)
      const principal = request.principal as Principal | undefined
      flow.refused(principal?.tenantId ?? null, request.refusal ?? reason)
    }
    done()
  })
}

/** OTLP has a path of its own, and one inside Langfuse's API. */
function dialectOf(url: string): string {
  if (/^(?:\/api\/public\/otel)?\/v1\/traces$/.test(url)) return 'otlp'
  return url.startsWith('/api/public/') ? 'langfuse' : 'langsmith'
}

/** Why a request is refused for good. Any other status below 500 means that its data is `invalid`. */
const statusReasons: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'slow_body',
  413: 'too_large',
  415: 'media_type',
}

/** Returns why a request is refused for now, as the metrics and the log name it; null for any other error. */
function refusalOf(error: FastifyError): string | null {
  const known: unknown = error
  if (known instanceof LimitError) return known.reason
  if (known instanceof OverloadedError) return 'server_busy'
  if (known instanceof QueueUnavailableError) {
    if (known.cause instanceof NotReplicatedError) return 'queue_not_replicated'
    // What Redis says at its `maxmemory`.
    return known.message.includes('OOM') ? 'queue_full' : 'queue_unavailable'
  }
  if (known instanceof BlobsUnavailableError) return 'blobs_unavailable'
  if (known instanceof ReadsBusyError) return 'reads_busy'
  if (known instanceof LateStatisticsError) return 'statistics_late'
  if (known instanceof ReadCancelledError) return known.why === 'client left' ? null : 'stopping'
  return isRetryable(known) ? 'database_unavailable' : null
}

type RefusalLog = (reason: string, error: Error, request: FastifyRequest) => void

/**
 * Tells of refusals without a stack: the first of a kind at once, and those after it as one count in every ten seconds,
 * until there are none.
 */
export function createRefusalLog(log: Log, everyMs = tellEveryMs): RefusalLog {
  const counts = new Map<string, number>()

  function tellLater(reason: string, facts: object): void {
    counts.set(reason, 0)
    setTimeout(() => {
      const count = counts.get(reason)!
      if (count === 0) return void counts.delete(reason)
      log.warn(
        { reason, count, seconds: everyMs / 1000, ...facts },
        'more requests refused for now',
      )
      tellLater(reason, facts)
    }, everyMs).unref()
  }

  return (reason, { name, message }, request) => {
    const count = counts.get(reason)
    if (count !== undefined) return void counts.set(reason, count + 1)
    const facts = { error: `${name}: ${message}`.slice(0, 300) }
    log.warn({ reason, ...facts, ...placeOf(request) }, 'request refused for now')
    tellLater(reason, facts)
  }
}
