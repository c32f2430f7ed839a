import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import type { Log } from '../../domain/log.ts'
import { classifyError, retryAfterSeconds } from '../classify-error.ts'
import { logFailure } from '../log-failure.ts'
import { detailsOf, type ValidationDetail } from './validation-details.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The shape of the route's errors: `{error}` on LangSmith's ingest and platform routes, problem details (RFC 9457)
     * on v2, and `{detail}` on the others.
     */
    errorShape?: ErrorShape
  }
}

type ErrorShape = 'detail' | 'error' | 'problem'

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
      const details = problem.problems.flatMap((each) => detailsOfSchema(context, each))
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

function detailsOfSchema(
  context: string,
  problem: FastifySchemaValidationError,
): ValidationDetail[] {
  const { keyword, instancePath, message = '', params } = problem
  const parts = instancePath.split('/').filter((part) => part !== '')
  const path = parts.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part))
  return detailsOf([context], { ...params, code: keyword, message, path })
}

/** What no route answers (an unknown path, a malformed one) is answered in the shape of its neighbours. */
export function shapeOfNeighbours(method: string, url: string): ErrorShape {
  const [path = ''] = url.split('?')
  if (path.startsWith('/v2/')) return 'problem'
  if (path.startsWith('/platform/')) return 'error'
  const isIngest =
    method === 'POST'
      ? /^\/runs(?:\/batch|\/multipart)?$/.test(path)
      : method === 'PATCH' && /^\/runs\/[^/]*$/.test(path)
  return isIngest ? 'error' : 'detail'
}

/** Answers what the router itself refuses. No hook or handler of the dialect sees such a request. */
export function answerRouterError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  answer(request, reply, error.statusCode ?? 400, error.message)
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  detail: string | ValidationDetail[],
): FastifyReply {
  const shape =
    request.routeOptions.config?.errorShape ?? shapeOfNeighbours(request.method, request.url)
  if (shape === 'detail') return reply.code(status).send({ detail: listedFor(status, detail) })
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

/** In the detail shape, a 422 has a list and any other status a text (contracts/langsmith.md 1.3). */
function listedFor(
  status: number,
  detail: string | ValidationDetail[],
): string | ValidationDetail[] {
  if (status !== 422 || typeof detail !== 'string') return detail
  return [{ loc: ['body'], msg: detail, type: 'value_error' }]
}
