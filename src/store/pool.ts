import postgres from 'postgres'
import type { Timestamp } from '../domain/timestamp.ts'
import type { Pooler } from './pooler.ts'

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
  /** While Postgres is silent, whatever waits for it on this pool is given up, and nothing new begins. */
  silence?: Silence | undefined
  /** What findPooler found at this address. Default: Postgres itself is there. */
  pooler?: Pooler | null
  /** A connection that nothing has used for so long is closed. */
  idleSeconds?: number
}

/** Says whether the server answers anybody at all (heartbeat.ts). */
export interface Silence {
  isSilent(): boolean
  /** Calls `listener` when a silence begins, and again every few seconds while it lasts. */
  onSilent(listener: () => void): void
}

export interface RequestLimits {
  /** Postgres ends a statement that takes longer. It asks for too much: the client is told to narrow its question. */
  statementMs: number
  /** A list with conditions is ended sooner: where no index helps, its time grows with all that is stored. */
  listMs: number
  /** So is the count of all rows that meet conditions, which no page needs. */
  countMs: number
  /** So are statistics over all runs of a query, which are computed from the rows. */
  statisticsMs: number
  /** Postgres ends a statement that waits longer for a lock. That passes: the client is told to come again. */
  lockMs: number
  /** A statement that gets no connection for so long is refused. That passes, too. */
  connectionMs: number
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

/** For the statements of a transaction that was under way when Postgres fell silent: they only have to end it. */
const silentMs = 100
const silentMessage = 'Postgres does not answer'

/** How soon a connection that was lost or refused is tried again. The driver's own pauses grow to 20 s, and what is asked waits for their end. */
const reconnectSeconds = 0.25

/**
 * A connection takes Postgres 3 MiB of its own, and up to 18 once it has run everything. This is shorter than the five seconds
 * from one sweep to the next (workers/sweep.ts), which would else keep open those that a burst has left.
 */
const usualIdleSeconds = 4

/**
 * What every connection needs, whatever the server's defaults are. Through a pooler, where no connection is anybody's own,
 * every transaction makes these settings for itself. So do batches (plan_mode_update).
 */
const planSettings = {
  // Postgres would keep a plan made while a table was empty. With such a plan, a statement over 5,000 items took over
  // 20 s.
  plan_cache_mode: 'force_custom_plan',
  // Plans are made for each execution, and so would their code be: 400 ms for a statement that takes 1 ms, when its cost
  // was estimated to be high. The planner knows nothing of a table right after a burst.
  jit: 'off',
}

/** Through a pooler, which ends its own connection when ours ends, before it could pass on a request to cancel. */
const pooledSettings = {
  // So that Postgres sees that nobody waits for a statement any more.
  client_connection_check_interval: '2s',
}

/**
 * Opens a pool. It connects when the first statement is run.
 * @param url `postgres://user:password@host:port/database`
 */
export function openPool(
  url: string,
  {
    max = 10,
    limits = defaultLimits,
    requests,
    silence,
    pooler = null,
    idleSeconds = usualIdleSeconds,
  }: PoolOptions = {},
): Db {
  const settings = {
    ...planSettings,
    ...(requests === undefined
      ? {}
      : { statement_timeout: requests.statementMs, lock_timeout: requests.lockMs }),
  }
  const db = postgres(url, {
    max,
    connect_timeout: 5,
    backoff: () => reconnectSeconds,
    idle_timeout: idleSeconds,
    prepare: pooler?.keepsStatements ?? true,
    // `patches/` adds these four options, and `abandon`, to the driver.
    lead: pooler === null ? undefined : setForTransaction({ ...settings, ...pooledSettings }),
    wait_limit: requests?.connectionMs,
    statement_limit: ({ limit }) => {
      if (silence?.isSilent() === true) return silentMs
      if (typeof limit === 'number') return limit
      return limit === 'none' ? 0 : limit === 'long' ? limits.longMs : limits.usualMs
    },
    refuse: () => (silence?.isSilent() === true ? silentMessage : null),
    // A statement that waits behind another one on the same connection would share its fate: its time, and its end.
    ...(requests === undefined ? {} : { max_pipeline: 0 }),
    onnotice: () => {},
    connection: {
      application_name: 'runmill',
      TimeZone: 'UTC',
      ...(pooler === null ? settings : {}),
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
  silence?.onSilent(() => db.abandon(silentMessage))
  return db
}

/** A statement without rows that makes these settings for the rest of its transaction. */
function setForTransaction(settings: Record<string, string | number>): string {
  const calls = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', '${value}', true)`,
  )
  return `select ${calls.join(', ')} offset 1`
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
