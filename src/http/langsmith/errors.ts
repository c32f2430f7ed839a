import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import type { Log } from '../../domain/log.ts'
import { classifyError, retryAfterSeconds } from '../classify-error.ts'
import { logFailure, logUnavailable } from '../log-failure.ts'

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
  const problem = classifyError(error)
  switch (problem.kind) {
    case 'schema': {
      const context = locations[problem.context ?? 'body'] ?? 'body'
      const details = problem.problems.map((each) => detailOf(context, each))
      return answer(request, reply, 422, details)
    }
    case 'body':
      return answer(request, reply, 422, problem.message)
    case 'unavailable':
      logUnavailable(log, error, request)
      reply.header('Retry-After', retryAfterSeconds)
      return answer(request, reply, 503, 'Service temporarily unavailable')
    case 'data':
      return answer(request, reply, 422, 'Value cannot be stored')
    case 'refused':
      return answer(request, reply, problem.status, problem.message)
    case 'failure':
      logFailure(log, error, request)
      return answer(request, reply, 500, 'Internal server error')
  }
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
