import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { BlobsUnavailableError } from '../blobs/store.ts'
import { LimitError } from '../domain/limit-error.ts'
import { QueueUnavailableError } from '../queue/backend.ts'
import {
  isDataError,
  isRetryable,
  isStatementTimeout,
  LateStatisticsError,
  ReadCancelledError,
  ReadsBusyError,
} from '../store/errors.ts'
import { OverloadedError } from './front-door/overloaded-error.ts'
import { BodyError } from './body-error.ts'

/** Why a route failed, apart from the refusals of its own dialect. Each dialect answers it in its own shape. */
export type ClassifiedError =
  /**
   * The request does not match the route's schema. `context` is Fastify's name for where in the request: body,
   * querystring, params or headers.
   */
  | {
      kind: 'schema'
      context: string | undefined
      problems: FastifySchemaValidationError[]
      message: string
    }
  /** The body is not what its headers say it is. */
  | { kind: 'body'; message: string }
  /** The cause passes by itself, so the client is told to come again. Nothing of its request is stored. */
  | { kind: 'unavailable' }
  /** The tenant has too many reads under way: the client is told to come again. */
  | { kind: 'busy'; message: string }
  /** It takes Postgres too long, and would do so again. */
  | { kind: 'slow'; message: string }
  /** Its key or its tenant has sent too much for now. Nothing of its request was read. */
  | { kind: 'limited'; message: string; retryAfterSeconds: number }
  /** Postgres cannot hold a value that was sent. */
  | { kind: 'data' }
  /** A refusal by Fastify itself with a status below 500: a body that is too large, a malformed URL. */
  | { kind: 'refused'; status: number; message: string }
  /** The fault is ours. */
  | { kind: 'failure' }

export function classifyError(error: unknown): ClassifiedError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const { validation, validationContext, message } = error
    return { kind: 'schema', context: validationContext, problems: validation, message }
  }
  if (error instanceof BodyError) return { kind: 'body', message: error.message }
  if (error instanceof ReadsBusyError) return { kind: 'busy', message: busyMessage }
  if (isStatementTimeout(error)) return { kind: 'slow', message: slowMessage }
  // Nobody reads this answer. nginx logs the same status.
  if (error instanceof ReadCancelledError && error.why === 'client left') {
    return { kind: 'refused', status: 499, message: error.message }
  }
  if (error instanceof LimitError) {
    const { message, retryAfterSeconds } = error
    return { kind: 'limited', message: `Too many requests: ${message}`, retryAfterSeconds }
  }
  if (isUnavailable(error)) return { kind: 'unavailable' }
  if (isDataError(error)) return { kind: 'data' }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status < 500 && error instanceof Error) {
    return { kind: 'refused', status, message: error.message }
  }
  return { kind: 'failure' }
}

const busyMessage = 'Too many reads at a time: wait for some of them before you send more'

const slowMessage =
  'Stopped because it took too long: ask for less at a time. ' +
  'Name a project, narrow the filter or the span of time, or lower the limit'

function isUnavailable(error: unknown): boolean {
  return (
    error instanceof OverloadedError ||
    error instanceof QueueUnavailableError ||
    error instanceof BlobsUnavailableError ||
    error instanceof LateStatisticsError ||
    error instanceof ReadCancelledError ||
    isRetryable(error)
  )
}

/**
 * The `Retry-After` of every answer that something is unavailable. LangSmith's Python client retries three times, each
 * time after this many seconds, and then drops its data (contracts/langsmith.md 1.5). All its retries together must
 * outlast the restart of a database.
 */
export const retryAfterSeconds = 5
