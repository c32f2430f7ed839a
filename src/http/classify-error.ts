import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { BlobsUnavailableError } from '../blobs/store.ts'
import { QueueUnavailableError } from '../queue/backend.ts'
import { isDataError, isRetryable } from '../store/errors.ts'
import { OverloadedError } from './backpressure.ts'
import { BodyError } from './body.ts'

/** What a route failed with, apart from the refusals of its own dialect. Each dialect answers it in its own shape. */
export type ClassifiedError =
  /** The request does not fit the route's schema. `context`: which part of it, by Fastify's name. */
  | {
      kind: 'schema'
      context: string | undefined
      problems: FastifySchemaValidationError[]
      message: string
    }
  /** The body cannot be read as what it says it is. */
  | { kind: 'body'; message: string }
  /** It passes by itself: the client is told to come again. Nothing of its request is stored. */
  | { kind: 'unavailable' }
  /** Postgres cannot hold a value that was sent. */
  | { kind: 'data' }
  /** Fastify's own refusal, with a status below 500: a body too large, a malformed URL. */
  | { kind: 'refused'; status: number; message: string }
  /** Our fault. */
  | { kind: 'failure' }

export function classifyError(error: unknown): ClassifiedError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const { validation, validationContext, message } = error
    return { kind: 'schema', context: validationContext, problems: validation, message }
  }
  if (error instanceof BodyError) return { kind: 'body', message: error.message }
  if (isUnavailable(error)) return { kind: 'unavailable' }
  if (isDataError(error)) return { kind: 'data' }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status < 500 && error instanceof Error) {
    return { kind: 'refused', status, message: error.message }
  }
  return { kind: 'failure' }
}

function isUnavailable(error: unknown): boolean {
  return (
    error instanceof OverloadedError ||
    error instanceof QueueUnavailableError ||
    error instanceof BlobsUnavailableError ||
    isRetryable(error)
  )
}

/**
 * `Retry-After` of every answer to what is unavailable. LangSmith's Python client comes three times, each after so
 * long, and then drops what it holds (contracts/langsmith.md 1.5): in all that must outlast the restart of a database.
 */
export const retryAfterSeconds = 5
