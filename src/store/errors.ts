import { isSqlState, postgresErrorKind, type PostgresErrorKind } from '../domain/postgres-errors.ts'

/** What the driver and Node call a connection that is not there. */
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** True when the same statement may well succeed later: the database was away, busy or saw a conflict. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error)
  if (code === null) return false
  return connectionCodes.has(code) || isMissingSocket(error) || kindOf(error) === 'passing'
}

/** True when the data broke a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return kindOf(error) === 'unique'
}

/** True when Postgres cannot hold the value at all: out of range, malformed, too long for an index, nested too deep. */
export function isDataError(error: unknown): boolean {
  return kindOf(error) === 'data'
}

/** A Unix socket that is not there; a missing file of any other kind is our own mistake. */
function isMissingSocket(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

function kindOf(error: unknown): PostgresErrorKind | null {
  const code = codeOf(error)
  return isSqlState(code) ? postgresErrorKind(code) : null
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}
