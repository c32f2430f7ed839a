import {
  isSqlState,
  mayPass,
  postgresErrorKind,
  type PostgresErrorKind,
} from '../domain/postgres-errors.ts'

/** The codes by which the driver and Node report a lost or refused connection. */
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'STATEMENT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** A statement of a request took longer than it may, and would take as long again. */
export class StatementTimeoutError extends Error {
  override name = 'StatementTimeoutError'
}

/** Too many reads of the tenant are under way. */
export class ReadsBusyError extends Error {
  override name = 'ReadsBusyError'
}

/** So much has changed that statistics are not up to date in time. Workers bring them up to date. */
export class LateStatisticsError extends Error {
  override name = 'LateStatisticsError'
}

/** A read was stopped: nobody waits for its answer, or the server stops. */
export class ReadCancelledError extends Error {
  override name = 'ReadCancelledError'
  readonly why: 'client left' | 'server stops'
  constructor(why: ReadCancelledError['why']) {
    super(`the read was cancelled: ${why}`)
    this.why = why
  }
}

/** True when Postgres ended the statement: it was cancelled, or its time was over. */
export function isCancelled(error: unknown): boolean {
  return codeOf(error) === '57014'
}

/** True when the statement ran out of time. Within a transaction only the message tells that from a cancellation. */
export function isStatementTimeout(error: unknown): boolean {
  if (error instanceof StatementTimeoutError) return true
  return isCancelled(error) && error instanceof Error && error.message.includes('statement timeout')
}

/** Returns true when the same statement may well succeed later: the database was away or busy, or saw a conflict. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error)
  if (code === null) return false
  return connectionCodes.has(code) || isMissingSocket(error) || mayPass(errorKind(error))
}

/** True for an error that the server itself sent: it is there. */
export function isServersAnswer(error: unknown): boolean {
  return isSqlState(codeOf(error))
}

/** Returns true when the data violated a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return errorKind(error) === 'unique'
}

/**
 * Returns true when Postgres cannot hold the value: it is out of range, malformed, too long for an index or nested too
 * deeply.
 */
export function isDataError(error: unknown): boolean {
  return errorKind(error) === 'data'
}

/** Returns true for a Unix socket that does not exist. Any other missing file is a mistake of ours. */
function isMissingSocket(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

/** Returns what an error of the database means; null for any other. */
export function errorKind(error: unknown): PostgresErrorKind | null {
  const code = codeOf(error)
  if (!isSqlState(code)) return null
  return postgresErrorKind(code, error instanceof Error ? error.message : '')
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}
