import type { Log } from './domain/log.ts'
import { isRetryable } from './store/errors.ts'

export interface UnheldErrors {
  /** How many were survived since the start. */
  count(): number
}

type ProcessEvents = Pick<NodeJS.Process, 'on'>

/** How often the same error is logged. While a datastore is away, it may come several times a second. */
const repeatAfterMs = 10_000

/**
 * Decides what becomes of an exception or a rejected promise that nobody holds. When the server at their other end dies,
 * drivers now and then have such an error: it is logged, counted and survived (SPEC I6). After any other the process
 * cannot be sure of its own state.
 * @param events the process
 * @param onUnsure called with an error that must not be survived: the process has to end
 */
export function watchUnheldErrors(
  events: ProcessEvents,
  log: Log,
  onUnsure: (error: unknown) => void,
): UnheldErrors {
  let count = 0
  const loggedAt = new Map<string, number>()

  function take(error: unknown): void {
    if (!isConnectionError(error)) {
      onUnsure(error)
      return
    }
    count += 1
    const text = String(error)
    const now = Date.now()
    for (const [each, at] of loggedAt) if (now - at > repeatAfterMs) loggedAt.delete(each)
    if (loggedAt.has(text)) return
    loggedAt.set(text, now)
    log.error({ err: error }, 'a connection failed where nobody waited for it')
  }

  events.on('uncaughtException', take)
  events.on('unhandledRejection', take)
  return { count: () => count }
}

/** What Node calls a socket that is gone, beside what the store knows. */
const socketCodes = new Set([
  'ECONNABORTED',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENOTCONN',
  'ERR_SOCKET_CLOSED',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'NR_CLOSED',
])

/** Errors of ioredis and of our queue, by name. */
const connectionErrorNames = new Set([
  'AbortError',
  'ClusterAllFailedError',
  'MaxRetriesPerRequestError',
  'QueueUnavailableError',
  'ReplyError',
])

/** What pg and ioredis say of a connection that is gone; these errors have neither a code nor a name. */
const connectionMessage =
  /^(?:Connection is closed|Connection terminated|Client has encountered a connection error|Query read timeout|timeout exceeded when trying to connect)/

/** True when an error says no more than that a server, or the way to it, failed. */
export function isConnectionError(error: unknown): boolean {
  if (isRetryable(error)) return true
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.every(isConnectionError)
  }
  if ('code' in error && socketCodes.has(String(error.code))) return true
  return connectionErrorNames.has(error.name) || connectionMessage.test(error.message)
}
