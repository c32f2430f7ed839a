import {
  type Attributes,
  type Context,
  diag,
  DiagLogLevel,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'
import type { TraceParent, Tracing } from '../domain/tracing.ts'
import { productVersion } from '../domain/version.ts'

/** How long a stop waits for the last spans to be taken. */
const stopMs = 3000

export interface StartedTracing extends Tracing {
  /** Sends what is left, as far as somebody takes it. */
  stop(): Promise<void>
}

/**
 * Records spans and sends them to `endpoint`/v1/traces. Sampling, headers, names and limits are those of the environment
 * variables that OpenTelemetry defines, which its packages read themselves.
 */
export function createOtelTracing(endpoint: string, role: string, log: Log): StartedTracing {
  const tell = (message: string): void => log.warn({ message }, 'traces of this process')
  const quiet = (): void => {}
  const logger = { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const own = resourceFromAttributes({
    'service.name': 'runmill',
    'service.version': productVersion,
    'runmill.role': role,
  })
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })
  const provider = new BasicTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('runmill', productVersion)

  async function during<T>(span: Span, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      // Its message may quote what a client sent.
      const message = error instanceof Error ? error.name : typeof error
      span.setStatus({ code: SpanStatusCode.ERROR, message })
      throw error
    } finally {
      span.end()
    }
  }

  return {
    request(method, traceparent) {
      const span = tracer.startSpan(
        method,
        { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } },
        contextOf(traceparent),
      )
      return {
        async enqueue(jobs, work) {
          const attributes = messaging('send', 'ingest', jobs.length)
          const parent = trace.setSpan(ROOT_CONTEXT, span)
          const child = tracer.startSpan('enqueue', { kind: SpanKind.PRODUCER, attributes }, parent)
          const { traceId, spanId, traceFlags } = child.spanContext()
          if ((traceFlags & TraceFlags.SAMPLED) !== 0) {
            for (const job of jobs) job.traceparent = `00-${traceId}-${spanId}-01`
          }
          await during(child, work)
        },
        end({ route, status, tenantId }) {
          if (route !== undefined) {
            span.updateName(`${method} ${route}`)
            span.setAttribute('http.route', route)
          }
          if (tenantId !== undefined) span.setAttribute('runmill.tenant_id', tenantId)
          span.setAttribute('http.response.status_code', status)
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },

    async apply({ lane, tenantId, events }, jobs, work) {
      const attributes: Attributes = {
        ...messaging('process', lane, jobs.length),
        'runmill.tenant_id': tenantId,
        'runmill.events': events,
      }
      const links = jobs.flatMap(linkOf)
      return during(
        tracer.startSpan('apply', { kind: SpanKind.CONSUMER, attributes, links }, ROOT_CONTEXT),
        work,
      )
    },

    async stop() {
      // Nobody may be there to take them, which must not hold up the stop.
      const shutdown = provider.shutdown().catch((error: unknown) => tell(String(error)))
      await Promise.race([shutdown, pause(stopMs, undefined, { ref: false })])
      diag.disable()
    },
  }
}

function messaging(type: string, destination: string, count: number): Attributes {
  return {
    'messaging.system': 'runmill',
    'messaging.operation.type': type,
    'messaging.destination.name': destination,
    'messaging.batch.message_count': count,
  }
}

function contextOf(traceparent: string | undefined): Context {
  const spanContext = traceparent === undefined ? null : parseTraceParent(traceparent)
  return spanContext === null
    ? ROOT_CONTEXT
    : trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, isRemote: true })
}

function linkOf({ traceparent }: TraceParent): Link[] {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent)
  return context === null ? [] : [{ context }]
}
