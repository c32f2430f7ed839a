/** What an error code of Postgres means for whoever ran the statement. */
export type PostgresErrorKind =
  /** The same statement may well succeed later: the server was away, busy, or saw a conflict. */
  | 'passing'
  /** The data broke a unique constraint. */
  | 'unique'
  /** Postgres cannot hold the value at all: out of range, malformed, too long for an index, nested too deep. */
  | 'data'
  /** The code does not tell, and neither does the message: what else succeeds has to. */
  | 'unclear'
  /** The statement itself, or our use of it, is wrong. */
  | 'other'

/**
 * By the class (the first two characters) or the whole code: 08 connection, 40 rollback after a conflict or deadlock,
 * 53 out of resources, 55P03 lock not available, 57 shutdown or cancellation, 58 a failure of the system, 25006 a
 * read-only standby.
 */
const passing = /^(?:08|40|53|55P03|57|58|25006)/

/**
 * XX000 is an internal error, and 0A000 something that is not supported. Postgres gives the latter also when a kept plan no
 * longer fits a table. An engine that spreads tables over nodes gives both: for what it cannot do while a node is away or is
 * being moved, and even for an error of the data on a node, whose message it passes on, and not its code.
 */
const codeless = /^(?:0A000|XX000)$/
const messages: [RegExp, PostgresErrorKind][] = [
  [/^duplicate key value violates unique constraint/, 'unique'],
  [/^(?:out of memory|could not (?:extend|write|create) )/, 'passing'],
  // A value of more than 1 GB.
  [/^invalid memory alloc request size/, 'data'],
]

/**
 * Sorts the SQLSTATEs of Postgres (its manual, appendix A). Every decision about a failed statement is made from this,
 * in the store and in the queue, so that both agree on what passes by itself.
 * @param message of the error; it decides where the code says nothing
 */
export function postgresErrorKind(sqlState: string, message: string): PostgresErrorKind {
  if (codeless.test(sqlState)) {
    return messages.find(([pattern]) => pattern.test(message))?.[1] ?? 'unclear'
  }
  if (passing.test(sqlState)) return 'passing'
  if (sqlState === '23505') return 'unique'
  return /^(?:22|54)/.test(sqlState) ? 'data' : 'other'
}

/** Whether the same statement may succeed later. */
export function mayPass(kind: PostgresErrorKind | null): boolean {
  return kind === 'passing' || kind === 'unclear'
}

/** Whether a code comes from the server: five characters, at least one of them a digit, unlike Node's `EPIPE`. */
export function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)
}
