import { BlobsUnavailableError } from '../blobs/store.ts'
import { QueueUnavailableError } from '../queue/backend.ts'
import { isRetryable } from '../store/errors.ts'
import { OverloadedError } from './backpressure.ts'

/** What passes by itself: the client is told to come again. Nothing of its request is stored. */
export function isUnavailable(error: unknown): boolean {
  return (
    error instanceof OverloadedError ||
    error instanceof QueueUnavailableError ||
    error instanceof BlobsUnavailableError ||
    isRetryable(error)
  )
}

/**
 * `Retry-After` of every such answer. LangSmith's Python client comes three times, each after so long, and then drops what
 * it holds (contracts/langsmith.md 1.5): in all that must outlast the restart of a database.
 */
export const retryAfterSeconds = 5
