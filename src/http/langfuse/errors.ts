import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import type { Log } from '../../domain/log.ts'
import { classifyError, retryAfterSeconds } from '../classify-error.ts'
import { logFailure } from '../log-failure.ts'

/** The names of Langfuse's errors (contracts/langfuse.md 1.4). */
type ErrorName =
  | 'InvalidRequestError'
  | 'UnauthorizedError'
  | 'ForbiddenError'
  | 'LangfuseNotFoundError'
  | 'MethodNotAllowedError'
  | 'LangfuseConflictError'
  | 'PayloadTooLargeError'

/** One problem of a request's data. `path` leads to it from the top of the query or body. */
interface Issue {
  code: string
  message: string
  path: string[]
}

/** An answer other than success in Langfuse's shape, `{message, error}`. */
export class LangfuseError extends Error {
  override name = 'LangfuseError'
  readonly status: number
  /** What the body has as `error`. When null, it is left out, as it is for failed authentication. */
  readonly detail: ErrorName | readonly Issue[] | null
  constructor(status: number, message: string, detail: ErrorName | readonly Issue[] | null) {
    super(message)
    this.status = status
    this.detail = detail
  }
}

export function notFound(message: string): LangfuseError {
  return new LangfuseError(404, message, 'LangfuseNotFoundError')
}

export function invalidRequest(message: string): LangfuseError {
  return new LangfuseError(400, message, 'InvalidRequestError')
}

const invalidMessage = 'Invalid request data'

/** The refusal of data that break a rule about several fields, or about the data that are stored already. */
export function invalidData(path: string[], message: string): LangfuseError {
  return new LangfuseError(400, invalidMessage, [{ code: 'custom', message, path }])
}

export function conflict(message: string): LangfuseError {
  return new LangfuseError(409, message, 'LangfuseConflictError')
}

/** Turns whatever a route threw into Langfuse's answer. */
export function answerError(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof LangfuseError) {
    const body = {
      message: error.message,
      ...(error.detail === null ? {} : { error: error.detail }),
    }
    return reply.code(error.status).send(body)
  }
  const problem = classifyError(error)
  switch (problem.kind) {
    case 'schema':
      return reply.code(400).send({ message: invalidMessage, error: problem.problems.map(issueOf) })
    case 'body':
      return reply.code(400).type('text/plain').send(problem.message)
    case 'unavailable':
      return reply
        .code(503)
        .header('Retry-After', retryAfterSeconds)
        .send({ message: 'Service temporarily unavailable', error: 'ServiceUnavailable' })
    case 'busy':
      return reply
        .code(429)
        .header('Retry-After', retryAfterSeconds)
        .send({ message: problem.message, error: 'RateLimitError' })
    // A status that no SDK tries again (contracts/langfuse.md 5.3).
    case 'slow':
      return reply.code(400).send({ message: problem.message, error: 'InvalidRequestError' })
    case 'limited':
      return reply
        .code(429)
        .header('Retry-After', problem.retryAfterSeconds)
        .send({ message: problem.message, error: 'TooManyRequests' })
    case 'data':
      return reply
        .code(400)
        .send({ message: 'Value cannot be stored', error: 'InvalidRequestError' })
    case 'refused':
      return problem.status === 413
        ? reply.code(413).type('text/plain').send('Body exceeded the size limit')
        : reply
            .code(problem.status)
            .send({ message: problem.message, error: 'InvalidRequestError' })
    case 'failure':
      logFailure(log, error, request)
      return reply
        .code(500)
        .send({ message: 'Internal Server Error', error: 'An unknown error occurred' })
  }
}

/** A problem that zod found, in the shape in which Langfuse's servers show it. */
function issueOf({ keyword, instancePath, message, params }: FastifySchemaValidationError): object {
  const path = instancePath
    .split('/')
    .slice(1)
    .filter((key) => key !== '')
    // A position in a list.
    .map((key) => (/^\d{1,9}$/.test(key) ? Number(key) : key))
  return { ...params, code: keyword, path, message }
}
