import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isDataError } from '../../store/errors.ts'
import { BodyError } from '../body.ts'
import { logFailure, logUnavailable } from '../log-failure.ts'
import { isUnavailable, retryAfterSeconds } from '../unavailable.ts'
import type { Log } from '../../domain/log.ts'

/** Langfuse's error names (contracts/langfuse.md 1.4). */
type ErrorName =
  | 'InvalidRequestError'
  | 'UnauthorizedError'
  | 'ForbiddenError'
  | 'LangfuseNotFoundError'
  | 'MethodNotAllowedError'
  | 'LangfuseConflictError'
  | 'PayloadTooLargeError'

/** An answer other than success, in Langfuse's shape: `{message, error}`. */
export class LangfuseError extends Error {
  override name = 'LangfuseError'
  readonly status: number
  /** Left out of the body when null, as the authentication failures do. */
  readonly errorName: ErrorName | null
  constructor(status: number, message: string, errorName: ErrorName | null) {
    super(message)
    this.status = status
    this.errorName = errorName
  }
}

export function notFound(message: string): LangfuseError {
  return new LangfuseError(404, message, 'LangfuseNotFoundError')
}

export function invalidRequest(message: string): LangfuseError {
  return new LangfuseError(400, message, 'InvalidRequestError')
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
      ...(error.errorName === null ? {} : { error: error.errorName }),
    }
    return reply.code(error.status).send(body)
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ keyword, instancePath, message, params }) => ({
      ...params,
      code: keyword,
      path: instancePath
        .split('/')
        .slice(1)
        .filter((key) => key !== ''),
      message,
    }))
    return reply.code(400).send({ message: 'Invalid request data', error: issues })
  }
  if (error instanceof BodyError) return reply.code(400).type('text/plain').send(error.message)
  if (isUnavailable(error)) {
    logUnavailable(log, error, request)
    return reply
      .code(503)
      .header('Retry-After', retryAfterSeconds)
      .send({ message: 'Service temporarily unavailable', error: 'ServiceUnavailable' })
  }
  if (isDataError(error)) {
    return reply.code(400).send({ message: 'Value cannot be stored', error: 'InvalidRequestError' })
  }
  return answerStatusError(log, error, request, reply)
}

/** Fastify's own refusals carry a status below 500 (a body too large, a malformed URL); anything else is our fault. */
function answerStatusError(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status === 413) return reply.code(413).type('text/plain').send('Body exceeded the size limit')
  if (status < 500 && error instanceof Error) {
    return reply.code(status).send({ message: error.message, error: 'InvalidRequestError' })
  }
  logFailure(log, error, request)
  return reply
    .code(500)
    .send({ message: 'Internal Server Error', error: 'An unknown error occurred' })
}
