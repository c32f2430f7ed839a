import {
  type PgPool,
  type PgQueryable,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  type QueueBaseOptions,
} from 'bullmq'
import { isSqlState, mayPass, postgresErrorKind } from '../../domain/postgres-errors.ts'
import { describeError } from '../report.ts'
import { createSlots } from '../slots.ts'
import type { HeldJob } from './datastore.ts'

/*
 * Everything here works around the internals of BullMQ, which its documentation does not describe. It was written for
 * one version, so each of the eight workarounds must be checked before another version is installed. Each names a test,
 * in test/queue/bullmq-postgres.test.ts unless stated otherwise, that fails without the workaround or when BullMQ has
 * changed at that point.
 */

/**
 * The version of BullMQ whose internals are meant. test/queue/bullmq-postgres.test.ts fails when another is installed.
 */
export const bullmqVersion = '6.7.0'

const relistenMs = 1_000

/**
 * 1. BullMQ's loops wait and try again only after an error whose code is ECONNREFUSED; after any other they spin
 * without a pause. So whatever may pass by itself is made to look like that.
 * Test: `BullMQ takes for a lost connection what may pass by itself, and nothing else`.
 */
export function asConnectionError(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (isSqlState(code) && !mayPass(postgresErrorKind(code, describeError(error)))) throw error
  throw Object.assign(
    new Error(`Postgres is not available: ${describeError(error)}`, { cause: error }),
    { code: 'ECONNREFUSED' },
  )
}

/**
 * 2. BullMQ would make a pool and a LISTEN connection for every queue and every worker. This connection is for all of
 * them, which is more listeners than Node expects. Each worker says LISTEN on it, without waiting for the others: pg
 * warns of statements that overlap, and its version 9 will refuse them, so here they wait for each other.
 * Test: `statements on the shared LISTEN connection wait for each other`.
 */
export function sharedConnection(pool: PgPool): PostgresConnection {
  const connection = new PostgresConnection(pool)
  connection.setMaxListeners(50)
  const queued = new WeakSet<object>()
  const getListenClient = connection.getListenClient.bind(connection)
  connection.getListenClient = async () => {
    const client = await getListenClient()
    if (queued.has(client)) return client
    queued.add(client)
    const query: PgQueryable['query'] = client.query.bind(client)
    let last: Promise<unknown> = Promise.resolve()
    client.query = <R>(text: string, params?: readonly unknown[]) => {
      const result = last.then(() => query<R>(text, params))
      last = result.catch(() => {})
      return result
    }
    return client
  }
  return connection
}

/**
 * 3. A backend on the shared connection says that it owns it, because only an owner follows the LISTEN connection to
 * the next one when it was lost. But closing a queue or a worker must not close what the others still use.
 * Test: `closing a queue or a worker leaves the shared connection open, and the others listen again after a loss`.
 *
 * 4. While a delayed job waits, BullMQ trusts the LISTEN connection for up to an hour. A connection whose other end
 * hangs would hold the queue up as long, so a worker looks for itself every five seconds.
 * Test: `a worker looks for itself every five seconds, where BullMQ would trust the connection for longer`.
 */
export function backendOn(
  connection: PostgresConnection,
  name: string,
  options: QueueBaseOptions,
): PostgresQueueBackend {
  const ownOptions = options as QueueBaseOptions<PostgresConnectionOptions>
  const backend = new PostgresQueueBackend(connection, name, ownOptions, true)
  backend.close = () => Promise.resolve()
  backend.disconnect = () => Promise.resolve()
  Object.defineProperty(backend, 'maximumBlockTimeout', { value: 5 })
  return backend
}

/**
 * 5. BullMQ runs a statement for each job that a worker fetches or ends, on the pool that all queues share, where whoever
 * asks first is served first. A worker takes only so many connections at a time.
 * Test: `a worker runs only so many statements at a time`.
 */
export function limitStatements(
  backend: PostgresQueueBackend,
  atOnce: number,
): PostgresQueueBackend {
  const slots = createSlots(atOnce)
  const { connection } = backend as unknown as { connection: PostgresConnection }
  async function query<R>(text: string, params?: readonly unknown[]) {
    const giveBack = await slots.take('')
    try {
      return await connection.pool.query<R>(text, params)
    } finally {
      giveBack()
    }
  }
  const pool = Object.create(connection.pool, { query: { value: query } }) as PgPool
  const limited = Object.create(connection, { pool: { value: pool } }) as PostgresConnection
  return Object.defineProperty(backend, 'connection', { value: limited })
}

/**
 * 6. BullMQ looks for an earlier schedule without a lock (its function `add_job_scheduler`), so that two processes make
 * two schedules. An advisory lock keeps them apart; it ends with the connection should the process die. Within a
 * process one waits for the other without a connection, for the pool is small.
 * Test: `schedule makes one job, however many backends ask at once` in test/queue/conformance.test.ts.
 */
export function oneAtATime(
  pool: PgPool,
  lockName: string,
): (work: () => Promise<unknown>) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(() => withLock(pool, lockName, work))
    last = result.catch(() => {})
    return result
  }
}

async function withLock(
  pool: PgPool,
  name: string,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(hashtext($1))', [name])
    const result = await work()
    await client.query('commit')
    broken = false
    return result
  } finally {
    client.release(broken)
  }
}

/**
 * 7. BullMQ gives back the jobs of a worker that died once its locks have run out and it has looked twice: after 10 to 14
 * seconds. A process that knows that it is alone need not wait. This does to a job what BullMQ's function
 * `move_stalled_jobs_to_wait` does, but leaves it its place in the queue, and does not count it as stalled.
 * Test: `takes over what a dead process held, at once` in test/queue/postgres.test.ts.
 * @param pool its search path is BullMQ's schema
 * @param prefix what the names of our queues begin with
 */
export async function releaseAllJobs(pool: PgQueryable, prefix: string): Promise<void> {
  await pool.query(
    `update job set state = 'waiting', lock_token = null, locked_until_ms = null, stalled_marked = false
    where state = 'active' and starts_with(queue, $1)`,
    [prefix],
  )
}

/** Lists the jobs of a queue that are locked, by locks that have expired too. */
export async function listHeldJobs(pool: PgQueryable, queue: string): Promise<HeldJob[]> {
  const { rows } = await pool.query<HeldJob>(
    `select id, lock_token as token from job
    where queue = $1 and state = 'active' and lock_token is not null`,
    [queue],
  )
  return rows
}

/**
 * 8. Does for one job what `releaseAllJobs` does, if its lock is still the given one, and wakes the workers. BullMQ's
 * `move_active_to_wait` would put it behind all others, and looks at the lock without holding the row.
 * Test: `jobs of a worker that was killed are done by another` in test/queue/stalled.test.ts.
 */
export async function releaseJob(
  pool: PgQueryable,
  queue: string,
  { id, token }: HeldJob,
): Promise<void> {
  await pool.query(
    `with released as (
      update job set state = 'waiting', lock_token = null, locked_until_ms = null, stalled_marked = false
      where queue = $1 and id = $2 and state = 'active' and lock_token = $3
      returning queue
    )
    select pg_notify('bullmq_jobs', queue) from released`,
    [queue, id, token],
  )
}

/** Listens on the connection that BullMQ's workers listen on, and again on the next one when it was lost. */
export async function listenOn(
  connection: PostgresConnection,
  channel: string,
  deliver: (message: string) => void,
  report: (error: unknown, where: string) => void,
): Promise<void> {
  const listen = async () => {
    const client = await connection.getListenClient()
    client.on('notification', (message) => {
      if (message.channel === channel && message.payload) deliver(message.payload)
    })
    await client.query(`listen "${channel}"`)
  }
  const relisten = () => {
    if (connection.isClosing) return
    listen().catch((error: unknown) => {
      report(error, 'listen')
      setTimeout(relisten, relistenMs).unref()
    })
  }
  await listen()
  connection.on('listenerinvalidated', relisten)
}
