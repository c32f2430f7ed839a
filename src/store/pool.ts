import postgres from 'postgres'
import type { Timestamp } from '../domain/timestamp.ts'

/** A pool of connections. Rows have camelCase names; json and jsonb arrive as text, and times as Timestamp. */
export type Db = postgres.Sql
/** Anything that can run a statement: the pool or a transaction. */
export type Queryable = postgres.ISql

export interface PoolOptions {
  /** The largest number of connections at a time. */
  max?: number
  limits?: StatementLimits
  /** Set for the pool that requests are answered from. */
  requests?: RequestLimits
}

export interface RequestLimits {
  /** Postgres ends a statement that takes longer. It asks for too much: the client is told to narrow its question. */
  statementMs: number
  /** Postgres ends a statement that waits longer for a lock. That passes: the client is told to come again. */
  lockMs: number
}

/**
 * How long a statement may go without an answer, in milliseconds, the time that it waits for a connection included.
 * After that it is refused with `STATEMENT_TIMEOUT`, which is retryable, and its connection is thrown away: a server
 * that hangs would otherwise hold a batch or a request for ever. The server's own `statement_timeout` has to be shorter.
 */
export interface StatementLimits {
  usualMs: number
  /** For those whose header in `sql/` says `May take minutes.` */
  longMs: number
}

const defaultLimits: StatementLimits = { usualMs: 60_000, longMs: 900_000 }

/**
 * Opens a pool. It connects when the first statement is run.
 * @param url `postgres://user:password@host:port/database`
 */
export function openPool(
  url: string,
  { max = 10, limits = defaultLimits, requests }: PoolOptions = {},
): Db {
  return postgres(url, {
    max,
    connect_timeout: 5,
    // An option of our own, which `patches/` adds to the driver.
    statement_limit: ({ limit }) =>
      limit === 'none' ? 0 : limit === 'long' ? limits.longMs : limits.usualMs,
    // A statement that waits behind another one on the same connection would share its fate: its time, and its end.
    ...(requests === undefined ? {} : { max_pipeline: 0 }),
    onnotice: () => {},
    connection: {
      application_name: 'runmill',
      TimeZone: 'UTC',
      // Postgres would keep a plan made while a table was empty. With such a plan, a statement over 5,000 items took
      // over 20 s.
      plan_cache_mode: 'force_custom_plan',
      ...(requests === undefined
        ? {}
        : { statement_timeout: requests.statementMs, lock_timeout: requests.lockMs }),
    },
    transform: { column: { from: postgres.toCamel } },
    types: {
      // By default the driver converts to Date, which cuts times to milliseconds.
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: parseTimestamptz },
      json: { to: 114, from: [114, 3802], serialize: String, parse: String },
      // These are counts and sums of tokens, which are far below 2^53.
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
    },
  })
}

/** Waits up to 5 seconds for running statements, then disconnects. */
export async function closePool(db: Db): Promise<void> {
  await db.end({ timeout: 5 })
}

/**
 * Reads `2026-01-21 14:35:42.5+00`, which is how Postgres writes a time under TimeZone UTC, as
 * `2026-01-21T14:35:42.500000Z`.
 */
function parseTimestamptz(text: string): Timestamp {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}Z`
}
