import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { z } from 'zod'
import type { Log } from '../../domain/log.ts'
import { ColumnsTooLargeError } from '../../store/read/compare/execution-columns.ts'
import { classifyError, retryAfterSeconds } from '../classify-error.ts'
import { answerOf, type DocumentedAnswers, serverErrors, takesBody } from '../documented-answers.ts'
import { logFailure } from '../log-failure.ts'

const refusal = z.object({ error: z.string() }).meta({ id: 'RunmillError' })

/** An answer other than success, `{error}`. */
export class RunmillError extends Error {
  override name = 'RunmillError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The errors that any request to a route of our own API may get. */
export function runmillErrors(route: RouteOptions): DocumentedAnswers {
  const statuses = [
    400,
    401,
    403,
    404,
    ...(takesBody(route) ? [408, 409, 413, 415] : []),
    ...(route.url.includes(':') ? [414] : []),
    422,
    429,
    500,
    503,
  ]
  return {
    ...serverErrors,
    ...Object.fromEntries(statuses.map((status) => [status, answerOf(status, refusal)])),
  }
}

/** Turns whatever a route threw into `{error}`. */
export function answerError(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const refuse = (status: number, message: string) => reply.code(status).send({ error: message })
  if (error instanceof RunmillError) return refuse(error.status, error.message)
  if (error instanceof ColumnsTooLargeError) {
    return refuse(422, 'These experiments are too large: compare them by measures that you name')
  }
  const problem = classifyError(error)
  switch (problem.kind) {
    case 'schema':
      return refuse(422, problem.message)
    case 'body':
      return refuse(400, problem.message)
    case 'unavailable':
      reply.header('Retry-After', retryAfterSeconds)
      return refuse(503, 'Service temporarily unavailable')
    case 'busy':
      reply.header('Retry-After', retryAfterSeconds)
      return refuse(429, problem.message)
    case 'slow':
      return refuse(422, problem.message)
    case 'limited':
      reply.header('Retry-After', problem.retryAfterSeconds)
      return refuse(429, problem.message)
    case 'data':
      return refuse(422, 'Value cannot be stored')
    case 'refused':
      return refuse(problem.status, problem.message)
    case 'failure':
      logFailure(log, error, request)
      return refuse(500, 'Internal server error')
  }
}
