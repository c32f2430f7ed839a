import type postgres from 'postgres'
import { isCancelled, StatementTimeoutError } from './errors.ts'
import {
  openPool,
  type Db,
  type RequestLimits,
  type Silence,
  type StatementLimits,
} from './pool.ts'
import type { Pooler } from './pooler.ts'
import { openReplica, type Replica, type ReplicaOptions } from './replica.ts'
import { createReadSlots } from './read-slots.ts'
import { currentReading, type Reading } from './reading.ts'
import { setQueryRunner } from './statements.ts'

export const requestLimits: RequestLimits = {
  statementMs: 20_000,
  listMs: 5000,
  countMs: 3000,
  statisticsMs: 10_000,
  // Shorter than the others: what waits for a lock would be told to ask for less, and not to come again.
  lockMs: 2000,
  connectionMs: 2000,
}

/** A little more than Postgres itself allows: a server that hangs must not hold a request for ever. */
const unansweredLimits: StatementLimits = { usualMs: 30_000, longMs: 30_000 }

export const keysPoolSize = 2
/** Keys are found by an index. */
const keyLimits: StatementLimits = { usualMs: 2500, longMs: 2500 }

/** Connections that reads leave to writes. */
const reservedConnections = 2

/** How long a statement of a reading request waits for its turn; and how long once the answer has begun. */
const firstPatienceMs = 5000
const begunPatienceMs = 60_000

interface RequestPoolOptions {
  /** The most connections at a time. */
  max?: number
  /** What differs from the limits of the real server. */
  limits?: Partial<RequestLimits>
  silence?: Silence | undefined
  pooler?: Pooler | null
  /** Where statements that only read may be run, on behalf of requests that only read. */
  replica?: Replica | null
  /** Is told of reads that wait for their turn. */
  line?: ReadLine
}

export interface ReadLine {
  /** A read begins to wait, or waits no longer. */
  inLine(change: 1 | -1): void
  waited(seconds: number): void
}

/**
 * Opens the pool that requests are answered from. Statements have a time limit. Those of reading requests wait for their
 * tenant's share of the connections, at most half of them, and are cancelled once nobody waits for the answer.
 */
export function openRequestPool(
  url: string,
  { max = 10, limits, silence, pooler = null, replica = null, line }: RequestPoolOptions = {},
): Db {
  const requests = { ...requestLimits, ...limits }
  const db = openPool(url, { max, requests, limits: unansweredLimits, silence, pooler })
  const total = Math.max(1, max - reservedConnections)
  const slots = createReadSlots(total, Math.max(1, Math.min(total, Math.floor(max / 2))))
  const take = async (reading: Reading): Promise<() => void> => {
    const patienceMs = reading.hasBegun() ? begunPatienceMs : firstPatienceMs
    const startedAt = performance.now()
    line?.inLine(1)
    const release = await slots
      .take(reading.tenantId, reading.signal, patienceMs)
      .finally(() => line?.inLine(-1))
    line?.waited((performance.now() - startedAt) / 1000)
    return release
  }
  takers.set(db, take)
  const limitsMs = {
    list: requests.listMs,
    count: requests.countMs,
    statistics: requests.statisticsMs,
  }
  setQueryRunner(db, async (start, { limit, onlyReads, isStream }) => {
    const reading = currentReading()
    if (reading === undefined) return start()
    const copy = onlyReads ? ((await replica?.caughtUp()) ?? null) : null
    const release = await take(reading)
    const kindMs = limit === undefined ? Infinity : limitsMs[limit]
    const limitMs = Math.min(kindMs, requests.statementMs)
    try {
      if (copy === null) return await runWhileWanted(start(), reading, limitMs)
      return await runWhileWanted(start(copy), reading, limitMs).catch(async (error: unknown) => {
        // Rows that were handed over would come twice.
        if (isStream || reading.signal.aborted || replica?.isToRepeat(error) !== true) throw error
        return runWhileWanted(start(), reading, limitMs)
      })
    } finally {
      release()
    }
  })
  return db
}

const takers = new WeakMap<Db, (reading: Reading) => Promise<() => void>>()

/**
 * Waits until a transaction on behalf of a reading may have a connection. Its statements must belong to no reading: they
 * have their turn already.
 * @returns what is called when it has ended; a pool that answers no requests has room for everything
 * @throws ReadsBusyError
 */
export async function takeReadSlot(db: Db, reading: Reading): Promise<() => void> {
  return (await takers.get(db)?.(reading)) ?? (() => {})
}

/** Opens a replica for reads of requests, which have the same limits there. */
export async function openRequestReplica(
  options: Omit<ReplicaOptions, 'requests' | 'limits'>,
): Promise<Replica> {
  return openReplica({ ...options, requests: requestLimits, limits: unansweredLimits })
}

/**
 * Opens the pool on which keys are looked up. Every request may have to wait for that, so nothing else can fill it, and
 * a connection that has died unnoticed holds up nobody for long.
 */
export function openKeysPool(url: string, silence: Silence, pooler: Pooler | null): Db {
  return openPool(url, { max: keysPoolSize, limits: keyLimits, silence, pooler })
}

/**
 * Cancels the query in Postgres when its time is over, or when nobody waits for it any more. The driver keeps its connection to itself until the
 * request to cancel is delivered, which else could hit the statement after it (test/store/driver.test.ts).
 * @throws StatementTimeoutError when Postgres ended it because of its time, and not because it waited for a connection; the reason of the signal when it was aborted
 */
async function runWhileWanted<Row extends object>(
  query: postgres.PendingQuery<Row[]> & { state?: object | null },
  { signal }: Reading,
  limitMs: number,
): Promise<Row[]> {
  let hadConnection = true
  const cancel = (): void => {
    // What the driver notes on a query that a connection has begun.
    hadConnection = query.state !== null
    query.cancel()
  }
  const startedAt = performance.now()
  const timer = setTimeout(cancel, limitMs)
  signal.addEventListener('abort', cancel)
  try {
    return await query
  } catch (error) {
    if (!isCancelled(error)) throw error
    signal.throwIfAborted()
    // Told by the time, and not by the message, which is in the language of the server.
    if (!hadConnection || performance.now() - startedAt < limitMs * 0.95) throw error
    throw new StatementTimeoutError(`no answer within ${limitMs} ms`, { cause: error })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}
