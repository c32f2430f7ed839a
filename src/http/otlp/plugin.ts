import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isAllowed, readBasic, readBearer, scopeOf, type Principal } from '../auth.ts'
import { BodyError } from '../body-error.ts'
import { classifyError, retryAfterSeconds, type ClassifiedError } from '../classify-error.ts'
import { logFailure } from '../log-failure.ts'
import { collectPaths, refuseOtherMethods } from '../front-door/other-methods.ts'
import { readBody } from '../read-body.ts'
import type { App, Services } from '../services.ts'
import { otlpErrors, otlpErrorsOfLangfuse } from './error-schemas.ts'
import { OtlpError } from './errors.ts'
import { otherSignals } from './other-signals.ts'
import { encodingOf, postTraces } from './post-traces.ts'
import { encodeStatus } from './protobuf.ts'

/**
 * OTLP/HTTP at OpenTelemetry's conventional path, `/v1/traces`, and at LangSmith's, `/otel/v1/traces`, which makes the ids
 * of runs that LangSmith's SDKs expect. It takes any key of ours as Basic, Bearer or `x-api-key`, and answers errors as
 * google.rpc.Status in the encoding of the request.
 */
export async function otlp(app: App, services: Services): Promise<void> {
  readRawBodies(app)
  app.setErrorHandler((error, request, reply) => answerStatus(services, error, request, reply))
  app.addHook('onRequest', async (request) => {
    if (scopeOf(request) === 'none') return
    request.principal = await authenticate(services, request)
    services.admit(request)
  })
  const paths = collectPaths(app)
  const route = { tags: ['otlp'], errors: otlpErrors }
  for (const [path, idScheme] of [
    ['/v1/traces', 'named'],
    ['/otel/v1/traces', 'padded'],
    // Python's SDK before 0.15 leaves out the rest of the path (contracts/langsmith.md 2.11).
    ['/otel', 'padded'],
  ] as const) {
    postTraces(app, services, { path, isAllOrNothing: false, idScheme, ...route })
  }
  for (const base of ['/v1', '/otel/v1']) otherSignals(app, { base, ...route })
  refuseOtherMethods(app, paths, otherMethod)
}

const otherMethod = (): OtlpError => new OtlpError(405, 'Method not allowed')

/**
 * Python's exporter drops an export that is answered with 429, and sends it again after 503; the others do so after both
 * (contracts/langfuse.md 2.8).
 */
const limitedStatus = 503

const undecodable = 'Failed to decompress request body'

/** Newest ingestion version that Langfuse's servers know. */
const ingestionVersion = 4

/**
 * OTLP/HTTP inside Langfuse's API, at `/otel/v1/traces`. It is registered within the plugin of that API, which
 * authenticates, and which answers errors that are not about the export itself (contracts/langfuse.md 2.8).
 */
export async function otlpOfLangfuse(app: App, services: Services): Promise<void> {
  readRawBodies(app)
  app.setErrorHandler((error, _, reply) => {
    const problem = classifyError(error)
    if (problem.kind === 'limited') {
      reply.header('Retry-After', problem.retryAfterSeconds)
      return reply.code(limitedStatus).send({ error: problem.message })
    }
    const refusal = error instanceof BodyError ? new OtlpError(400, undecodable) : error
    // An error thrown here goes to the handler of the plugin around this one.
    if (!(refusal instanceof OtlpError)) throw error
    const { status, message } = refusal
    const body = status === 405 ? { message, error: 'MethodNotAllowedError' } : { error: message }
    return reply.code(status).send(body)
  })
  app.addHook('preHandler', async ({ headers }) => {
    const sent = headers['x-langfuse-ingestion-version'] ?? headers['x_langfuse_ingestion_version']
    if (sent === undefined) return
    const version = Number(sent)
    if (sent === '' || Number.isNaN(version) || version > ingestionVersion) {
      const refusal = `Unsupported x-langfuse-ingestion-version: "${String(sent)}".`
      throw new OtlpError(400, `${refusal} Maximum supported: "${ingestionVersion}".`)
    }
  })
  const paths = collectPaths(app)
  const route = { tags: ['langfuse opentelemetry'], errors: otlpErrorsOfLangfuse }
  postTraces(app, services, {
    path: '/otel/v1/traces',
    isAllOrNothing: true,
    idScheme: 'named',
    ...route,
  })
  otherSignals(app, { base: '/otel/v1', ...route })
  refuseOtherMethods(app, paths, otherMethod)
}

/** Keeps bodies as bytes: in protobuf they are not JSON, and with a wrong content type they need not be either. */
function readRawBodies(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const chunks = await readBody(request, payload)
    await request.takeTurn()
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
  })
}

/** @throws OtlpError 401 or 403 */
async function authenticate({ auth }: Services, request: FastifyRequest): Promise<Principal> {
  const apiKey = request.headers['x-api-key']
  const header = request.headers.authorization ?? ''
  const secret = typeof apiKey === 'string' && apiKey !== '' ? apiKey : readBearer(header)
  const credentials = secret === null ? readBasic(header) : { publicKey: null, secret }
  const principal = credentials === null ? null : await auth.findPrincipal(credentials, request.ip)
  if (principal === null) throw new OtlpError(401, 'Invalid credentials')
  const scope = scopeOf(request)
  if (scope !== 'none' && !isAllowed(principal, scope)) throw new OtlpError(403, 'Forbidden')
  return principal
}

/**
 * Codes of google.rpc by HTTP status. A status that is not listed is INVALID_ARGUMENT below 500 and INTERNAL from 500
 * on.
 */
const codes: Readonly<Record<number, number>> = {
  401: 16,
  403: 7,
  404: 5,
  408: 4,
  413: 8,
  429: 8,
  503: 14,
}
const invalidArgument = 3
const internal = 13

function answerStatus(
  { log }: Services,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = classifyError(error)
  const { status, message } = error instanceof OtlpError ? error : statusOf(problem)
  if (status === 429 || status === 503) {
    const seconds = problem.kind === 'limited' ? problem.retryAfterSeconds : retryAfterSeconds
    reply.header('Retry-After', seconds)
  }
  if (status === 500) logFailure(log, error, request)
  const code = codes[status] ?? (status < 500 ? invalidArgument : internal)
  reply.code(status)
  return encodingOf(request) === 'protobuf'
    ? reply.type('application/x-protobuf').send(encodeStatus({ code, message }))
    : reply.send({ code, message })
}

function statusOf(problem: ClassifiedError): { status: number; message: string } {
  switch (problem.kind) {
    case 'schema':
      return { status: 400, message: problem.message }
    case 'body':
      return { status: 400, message: undecodable }
    case 'unavailable':
      return { status: 503, message: 'Service temporarily unavailable' }
    case 'busy':
      return { status: 429, message: problem.message }
    case 'slow':
      return { status: 400, message: problem.message }
    case 'limited':
      return { status: limitedStatus, message: problem.message }
    case 'data':
      return { status: 400, message: 'Value cannot be stored' }
    case 'refused':
      return problem
    case 'failure':
      return { status: 500, message: 'Internal Server Error' }
  }
}
