import postgres from 'postgres'
import type { Timestamp } from '../domain/timestamp.ts'

/** A pool of connections. Rows have camelCase names, json and jsonb as text, and times as Timestamp. */
export type Db = postgres.Sql
/** A transaction, or the pool: whatever can run a statement. */
export type Queryable = postgres.ISql

export interface PoolOptions {
  /** The most connections at a time. */
  max?: number
}

/**
 * Opens a pool, which connects with the first statement.
 * @param url `postgres://user:password@host:port/database`
 */
export function openPool(url: string, { max = 10 }: PoolOptions = {}): Db {
  return postgres(url, {
    max,
    connect_timeout: 5,
    onnotice: () => {},
    connection: {
      application_name: 'runmill',
      TimeZone: 'UTC',
      // With a plan that was made while a table was empty and kept, a statement over 5,000 items took over 20 s.
      plan_cache_mode: 'force_custom_plan',
    },
    transform: { column: { from: postgres.toCamel } },
    types: {
      // The driver would go through Date, which cuts to milliseconds.
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: parseTimestamptz },
      json: { to: 114, from: [114, 3802], serialize: String, parse: String },
      // Sums of tokens and counts, which are far below 2^53.
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
    },
  })
}

/** Waits for running statements for up to 5 seconds, then disconnects. */
export async function closePool(db: Db): Promise<void> {
  await db.end({ timeout: 5 })
}

/** Reads `2026-01-21 14:35:42.5+00`, Postgres' own form under TimeZone UTC, as `2026-01-21T14:35:42.500000Z`. */
function parseTimestamptz(text: string): Timestamp {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}Z`
}
