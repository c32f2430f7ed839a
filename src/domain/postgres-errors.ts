/** What an error code of Postgres means for whoever ran the statement. */
export type PostgresErrorKind =
  /** The same statement may well succeed later: the server was away, busy, or saw a conflict. */
  | 'passing'
  /** The data broke a unique constraint. */
  | 'unique'
  /** Postgres cannot hold the value at all: out of range, malformed, too long for an index, nested too deep. */
  | 'data'
  /** The statement itself, or our use of it, is wrong. */
  | 'other'

/**
 * By the class (the first two characters) or the whole code: 08 connection, 40 rollback after a conflict or deadlock,
 * 53 out of resources, 55P03 lock not available, 57 shutdown or cancellation, 58 a failure of the system, 25006 a
 * read-only standby.
 */
const passing = /^(?:08|40|53|55P03|57|58|25006)/

/**
 * What Citus says when a node refuses a row that was copied to it, or breaks off: it passes the message on, and no code.
 */
const withoutCode = 'XX000'
const messages: [RegExp, PostgresErrorKind][] = [
  [/^duplicate key value violates unique constraint/, 'unique'],
  [
    /^(?:out of memory|could not (?:extend|write|create|receive|send) |connection |failure on connection |lost connection |server closed |SSL )/,
    'passing',
  ],
]

/**
 * Sorts the SQLSTATEs of Postgres (its manual, appendix A). Every decision about a failed statement is made from this,
 * in the store and in the queue, so that both agree on what passes by itself.
 */
export function postgresErrorKind(sqlState: string, message = ''): PostgresErrorKind {
  const [, said] = messages.find(([pattern]) => pattern.test(message)) ?? []
  if (sqlState === withoutCode && said !== undefined) return said
  if (passing.test(sqlState)) return 'passing'
  if (sqlState === '23505') return 'unique'
  return /^(?:22|54)/.test(sqlState) ? 'data' : 'other'
}

/** Whether a code comes from the server: five characters, at least one of them a digit, unlike Node's `EPIPE`. */
export function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)
}
