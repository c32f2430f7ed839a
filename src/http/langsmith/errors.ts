import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Log } from '../../domain/log.ts'
import { isDataError } from '../../store/errors.ts'
import { BodyError } from '../body.ts'
import { logFailure, logUnavailable } from '../log-failure.ts'
import { isUnavailable, retryAfterSeconds } from '../unavailable.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** LangSmith's ingest and platform routes answer `{error}`, v2 problem details (RFC 9457), the others `{detail}`. */
    errorShape?: 'detail' | 'error' | 'problem'
  }
}

/** One entry of a 422's `detail` list; all three keys are required (contracts/langsmith.md 1.3). */
export interface ValidationDetail {
  loc: (string | number)[]
  msg: string
  type: string
}

/** An answer other than success, in the shape of the route. */
export class LangsmithError extends Error {
  override name = 'LangsmithError'
  readonly status: number
  readonly detail: string | ValidationDetail[]
  constructor(status: number, detail: string | ValidationDetail[]) {
    super(typeof detail === 'string' ? detail : 'validation failed')
    this.status = status
    this.detail = detail
  }
}

/** @param what e.g. `Dataset`. SDKs look for the lower-case words `not found` in the body. */
export function notFound(what = 'Resource'): LangsmithError {
  return new LangsmithError(404, `${what} not found`)
}

export function invalid(
  loc: (string | number)[],
  msg: string,
  type = 'value_error',
): LangsmithError {
  return new LangsmithError(422, [{ loc, msg, type }])
}

/** Turns whatever a route threw into LangSmith's answer. */
export function answerError(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof LangsmithError) return answer(request, reply, error.status, error.detail)
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = locations[error.validationContext ?? 'body'] ?? 'body'
    const details = error.validation.map((problem) => detailOf(context, problem))
    return answer(request, reply, 422, details)
  }
  if (error instanceof BodyError) return answer(request, reply, 422, error.message)
  if (isUnavailable(error)) {
    logUnavailable(log, error, request)
    return answer(
      request,
      reply.header('Retry-After', retryAfterSeconds),
      503,
      'Service temporarily unavailable',
    )
  }
  if (isDataError(error)) return answer(request, reply, 422, 'Value cannot be stored')
  // Fastify's own refusals carry a status below 500 (a body too large, a malformed URL); anything else is our fault.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status < 500 && error instanceof Error) return answer(request, reply, status, error.message)
  logFailure(log, error, request)
  return answer(request, reply, 500, 'Internal server error')
}

/** What the vendor calls the parts of a request. */
const locations: Readonly<Record<string, string>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
}

/** What the vendor calls the problems that zod names otherwise. */
const problemTypes: Readonly<Record<string, string>> = {
  too_big: 'less_than_equal',
  too_small: 'greater_than_equal',
  custom: 'value_error',
}

function detailOf(
  context: string,
  { keyword, instancePath, message = '' }: FastifySchemaValidationError,
): ValidationDetail {
  const path = instancePath.split('/').filter((part) => part !== '')
  const loc = [context, ...path.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part))]
  return { loc, ...problemOf(keyword, message) }
}

/** What is wrong with a value, as the vendor says it. @param code of zod */
export function problemOf(code: string, message: string): { msg: string; type: string } {
  if (message.endsWith('received undefined')) return { msg: 'Field required', type: 'missing' }
  return { msg: message, type: problemTypes[code] ?? code }
}

/** Routes that do not exist answer as their neighbours do. */
function shapeOfNoRoute(url: string): 'detail' | 'problem' {
  return url.startsWith('/v2/') ? 'problem' : 'detail'
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  detail: string | ValidationDetail[],
): FastifyReply {
  const shape = request.routeOptions.config?.errorShape ?? shapeOfNoRoute(request.url)
  if (shape === 'detail') return reply.code(status).send({ detail })
  const summary =
    typeof detail === 'string'
      ? detail
      : detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
  if (shape === 'problem') {
    const title = STATUS_CODES[status] ?? 'Error'
    const instance = request.url.split('?')[0]
    return reply
      .code(status)
      .type('application/problem+json; charset=utf-8')
      .send({ type: 'about:blank', title, status, detail: summary, instance })
  }
  if (typeof detail === 'string') return reply.code(status).send({ error: detail })
  return reply
    .code(status)
    .send({ error: `Unprocessable entity: ${summary}`, details: JSON.stringify(detail) })
}
