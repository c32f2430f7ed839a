import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import type { Log } from '../../domain/log.ts'
import { classifyError, retryAfterSeconds } from '../classify-error.ts'
import { logFailure } from '../log-failure.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The shape of the route's errors: `{error}` on LangSmith's ingest and platform routes, problem details (RFC 9457)
     * on v2, and `{detail}` on the others.
     */
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

/** @param what for example `Dataset`. SDKs look for the lower-case words `not found` in the body. */
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
      reply.header('Retry-After', retryAfterSeconds)
      return answer(request, reply, 503, 'Service temporarily unavailable')
    case 'busy':
      reply.header('Retry-After', retryAfterSeconds)
      return answer(request, reply, 429, problem.message)
    // A status that no SDK tries again (contracts/langsmith.md 1.5).
    case 'slow':
      return answer(request, reply, 422, problem.message)
    case 'limited':
      reply.header('Retry-After', problem.retryAfterSeconds)
      return answer(request, reply, 429, problem.message)
    case 'data':
      return answer(request, reply, 422, 'Value cannot be stored')
    case 'refused':
      return answer(request, reply, problem.status, problem.message)
    case 'failure':
      logFailure(log, error, request)
      return answer(request, reply, 500, 'Internal server error')
  }
}

/** The vendor's names for the places in a request where a value can be wrong. */
const locations: Readonly<Record<string, string>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
}

/** The vendor's names for problems that zod names differently. */
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

/**
 * Says what is wrong with a value in the vendor's words.
 * @param code zod's name for the problem
 */
export function problemOf(code: string, message: string): { msg: string; type: string } {
  if (message.endsWith('received undefined')) return { msg: 'Field required', type: 'missing' }
  return { msg: message, type: problemTypes[code] ?? code }
}

/** Routes that do not exist answer in the shape of their neighbours. */
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
