import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { IngestEvent } from '../../domain/events.ts'
import { isTooDeep } from '../../domain/json.ts'
import { answerOf, type DocumentedAnswers } from '../documented-answers.ts'
import { acceptEvents } from '../ingest.ts'
import type { App, Services } from '../services.ts'
import { readExport, type Span } from './decode.ts'
import { protobuf } from './error-schemas.ts'
import { OtlpError } from './errors.ts'
import { experimentItemEvents } from './experiment-items.ts'
import { exampleItemEvents, projectHeader, projectsOf } from './langsmith-projects.ts'
import { decodeTraceRequest, encodeTraceResponse } from './protobuf.ts'
import { refusalOf } from './refusal.ts'
import type { IdScheme } from './span-ids.ts'
import { spansToEvents } from './span-to-events.ts'

const consumes = ['application/json', 'application/x-protobuf']

/**
 * For the API documentation only: the bytes are decoded below. What a ResourceSpans holds is defined by
 * OpenTelemetry.
 */
const body = z.unknown().meta({
  type: 'object',
  properties: {
    resourceSpans: { type: 'array', items: { type: 'object', additionalProperties: true } },
  },
})

const accepted = z.object({
  partialSuccess: z.object({ rejectedSpans: z.string(), errorMessage: z.string() }).optional(),
})

export interface TracesRoute {
  path: string
  /**
   * True: one span without valid ids makes the whole export refused. False: the other spans are taken, and the answer
   * counts those without.
   */
  isAllOrNothing: boolean
  idScheme: IdScheme
  tags: string[]
  /** The answers other than success. */
  errors: DocumentedAnswers
}

/**
 * Registers a route that takes an ExportTraceServiceRequest in JSON or protobuf (OTLP 1.x; contracts/langfuse.md
 * 2.8). An export that is sent again makes the same rows.
 */
export function postTraces(app: App, services: Services, route: TracesRoute): void {
  const { path, tags, errors } = route
  const schema = {
    tags,
    summary: 'Export spans (OTLP over HTTP, JSON or protobuf)',
    consumes,
    body,
    response: { 200: answerOf(200, { 'application/json': accepted, ...protobuf }), ...errors },
  }
  app.post(path, { schema, config: { isIngest: true } }, async (request, reply) => {
    const encoding = encodingOf(request)
    if (encoding === null) throw new OtlpError(400, 'Invalid content type')
    const { events, partial } = await takeSpans(services, request, encoding, route)
    await acceptEvents(services, request, events, { isInteractive: false })
    request.countRefused(partial?.rejectedSpans ?? 0)
    return answer(reply, encoding, partial)
  })
}

interface Refusal {
  rejectedSpans: number
  errorMessage: string
}

/** Nothing of what was decoded is held once this is done, but for the events. @returns what was refused too, or null */
async function takeSpans(
  services: Services,
  request: FastifyRequest,
  encoding: Encoding,
  { isAllOrNothing, idScheme }: TracesRoute,
): Promise<{ events: IngestEvent[]; partial: Refusal | null }> {
  const sent = encoding === 'json' ? parseJson(request.body) : parseProtobuf(request.body)
  const read = readExport(sent, services.clock.now())
  const { length: rejectedSpans } = read.refused
  if (isAllOrNothing && rejectedSpans > 0) {
    const refusal = `Invalid OTLP trace export: ${refusalOf(read)}`
    throw new OtlpError(400, `${refusal} The whole export was refused, and no span was stored.`)
  }
  const partial = rejectedSpans === 0 ? null : { rejectedSpans, errorMessage: refusalOf(read) }
  return { events: await eventsOf(services, request, read.spans, idScheme), partial }
}

async function eventsOf(
  services: Services,
  request: FastifyRequest,
  spans: readonly Span[],
  idScheme: IdScheme,
): Promise<IngestEvent[]> {
  if (spans.length === 0) return []
  const { tenantId } = request.principal
  const now = services.clock.now()
  const header = projectHeader(request.headers['langsmith-project'])
  const experimentId = await projectsOf(services, tenantId, spans, header)
  const items = [
    ...(await experimentItemEvents(services, tenantId, spans, idScheme)),
    ...(await exampleItemEvents(services, tenantId, spans, experimentId, idScheme)),
  ]
  return [...spansToEvents(spans, { experimentId, idScheme, now }), ...items]
}

export type Encoding = 'json' | 'protobuf'

/** Returns the encoding that the content type names; null for any other. */
export function encodingOf(request: FastifyRequest): Encoding | null {
  const contentType = request.headers['content-type']?.toLowerCase() ?? ''
  if (contentType.includes('application/json')) return 'json'
  return contentType.includes('application/x-protobuf') ? 'protobuf' : null
}

function parseJson(body: unknown): unknown {
  const refusal = 'Failed to parse OTel JSON Trace'
  if (!Buffer.isBuffer(body)) throw new OtlpError(400, refusal)
  const text = body.toString('utf8')
  if (isTooDeep(text)) throw new OtlpError(400, `${refusal}: it nests too deep`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new OtlpError(400, refusal, { cause })
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw new OtlpError(400, refusal)
  return value
}

/** Decodes protobuf. A body without bytes is an empty message. */
function parseProtobuf(body: unknown): unknown {
  try {
    return decodeTraceRequest(Buffer.isBuffer(body) ? body : new Uint8Array())
  } catch (cause) {
    throw new OtlpError(400, 'Failed to parse OTel Protobuf Trace', { cause })
  }
}

function answer(reply: FastifyReply, encoding: Encoding, partial: Refusal | null): unknown {
  if (encoding === 'protobuf') {
    return reply.type('application/x-protobuf').send(encodeTraceResponse(partial))
  }
  if (partial === null) return {}
  // protobuf's JSON writes integers of 64 bits as strings.
  return { partialSuccess: { ...partial, rejectedSpans: String(partial.rejectedSpans) } }
}
