import { LRUCache } from 'lru-cache'

/** What a backend logs to. Loggers of pino fit. */
export interface QueueLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const silentLog: QueueLog = { info: () => {}, warn: () => {}, error: () => {} }

/** During an outage every connection of a process complains several times a second. */
const repeatAfterMs = 10_000
const rememberAtMost = 100

/** @returns a function that logs an error, but the same text at most once in ten seconds. */
export function errorReporter(log: QueueLog): (error: unknown, where: string) => void {
  const told = new LRUCache<string, true>({ max: rememberAtMost, ttl: repeatAfterMs })
  return (error, where) => {
    // `where` is left out of the key: one lost connection is reported by each queue and worker that shares it.
    const text = describeError(error)
    if (told.has(text)) return
    told.set(text, true)
    log.warn({ err: error, where }, `queue: ${where}: ${text}`)
  }
}

/**
 * Describes an error in one line for a person. An AggregateError (several addresses refused) has no message of its
 * own.
 */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(describeError).join('; ')
  }
  return error instanceof Error ? error.message || error.name : String(error)
}
