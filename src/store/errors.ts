/** SQLSTATE classes and codes that pass by themselves: connection, resources, shutdown, conflict, lock, read-only standby. */
const passing = /^(?:08|53|57P|40001|40P01|55P03|25006|57014|58)/

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
  return (
    code !== null && (connectionCodes.has(code) || passing.test(code) || isMissingSocket(error))
  )
}

/** True when the data broke a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505'
}

/** True when Postgres cannot hold the value at all: out of range, malformed, too long for an index, nested too deep. */
export function isDataError(error: unknown): boolean {
  return /^(?:22|54)/.test(codeOf(error) ?? '')
}

/** A Unix socket that is not there; a missing file of any other kind is our own mistake. */
function isMissingSocket(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}
