import {
  type PgPool,
  type PgPoolClient,
  type PgQueryable,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  Queue,
  type QueueBaseOptions,
  runMigrations,
  Worker,
} from 'bullmq'
import pg from 'pg'
import { isSqlState, postgresErrorKind } from '../../domain/postgres-errors.ts'
import type { QueueBackend } from '../backend.ts'
import { keepPayloads, preparePayloads, readPayload, removePayload } from './postgres-payloads.ts'
import { describeError, silentLog } from '../report.ts'
import { withTimeLimit } from '../time-limit.ts'
import { type BullOptions, bullBackend, type Connect, type Datastore } from './bullmq.ts'

type PostgresOptions = QueueBaseOptions<PostgresConnectionOptions>

const schema = 'bullmq'
const connectMs = 2_000
const closeMs = 1_000
const relistenMs = 1_000

/**
 * One pool for producers, workers and announcements. One connection of it listens, for all queues; the others run
 * statements and are closed when idle for 10 seconds: each takes some 8 MiB in the server. So 6 at most per process,
 * producer and 5 workers included (counted in pg_stat_activity).
 */
const poolSize = 6

/**
 * BullMQ on Postgres 14 or newer, in the schema `bullmq` of the given database, which `start` creates or upgrades.
 * Needs a session per connection: LISTEN does not work through a pooler in transaction mode.
 * @param options.url `postgres://user:password@host:port/database`
 */
export function postgresBackend({
  url,
  log = silentLog,
  namespace = 'runmill',
}: BullOptions): QueueBackend {
  return bullBackend('postgres', postgresConnect(url, namespace), log)
}

function postgresConnect(url: string, namespace: string): Connect {
  return async (report) => {
    const pool = openPool(url)
    pool.on('error', (error) => report(error, 'pool'))
    try {
      await withTimeLimit(migrate(pool), 30_000)
    } catch (error) {
      void pool.end().catch(() => {})
      throw error
    }

    // BullMQ would make a pool and a LISTEN connection for every queue and worker. This one is for all of them.
    const connection = new PostgresConnection(pool)
    connection.setMaxListeners(50)
    queueListenStatements(connection)
    connection.on('error', (error) => report(error, 'listen connection'))
    await connection.waitUntilReady()
    const backendOf = (name: string, options: QueueBaseOptions) =>
      shareConnection(connection, name, options)
    const channel = `${namespace}_applied`

    // One at a time in this process too: each takes a second connection of the small pool.
    let scheduling: Promise<unknown> = Promise.resolve()

    const store: Datastore = {
      openQueue: (name, options) =>
        new Queue(`${namespace}-${name}`, { ...options, connection: {} }, backendOf),
      openWorker: (name, work, options) =>
        new Worker(`${namespace}-${name}`, work, { ...options, connection: {} }, backendOf),
      async addAll(queue, name, payloads, options) {
        const texts = await keepPayloads(pool, payloads)
        // `addBulk` makes two temporary tables per call, which one job need not pay for.
        if (texts.length === 1) await queue.add(name, texts[0], options)
        else await queue.addBulk(texts.map((data) => ({ name, data, opts: options })))
      },
      read: (data) => readPayload(pool, data),
      forget: (data) => removePayload(pool, data),
      // BullMQ looks for an earlier schedule without a lock (add_job_scheduler, 6.7.0).
      alone(work) {
        const result = scheduling.then(() => withLock(pool, channel, work))
        scheduling = result.catch(() => {})
        return result
      },
      publish: (message) => pool.query('select pg_notify($1, $2)', [channel, message]),
      subscribe: (deliver) => subscribe(connection, channel, deliver, report),
      ping: () => pool.query('select 1'),
      async close() {
        await withTimeLimit(connection.close(), closeMs).catch(() => {})
        await withTimeLimit(pool.end(), closeMs).catch(() => {})
      },
    }
    return store
  }
}

function openPool(url: string): PgPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'runmill-queue',
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: 10_000,
    keepAlive: true,
    // A server that hangs: fail the statement and drop its connection.
    query_timeout: 20_000,
    onConnect(client: PgPoolClient) {
      // While checked out, a lost connection has no other listener, and would end the process.
      client.on('error', () => {})
      // A statement and not the startup option `-c search_path`, which poolers refuse and a URL may override.
      return client.query(`set search_path to "${schema}"`)
    },
  })
  return {
    query: (text, params) => pool.query(text, params && [...params]).catch(rethrow),
    connect: () => pool.connect().catch(rethrow),
    end: () => pool.end(),
    on: pool.on.bind(pool),
    removeAllListeners: pool.removeAllListeners.bind(pool),
  }
}

async function migrate(pool: PgPool): Promise<void> {
  const client = await pool.connect()
  try {
    await runMigrations(client, schema)
    await preparePayloads(client)
  } finally {
    client.release()
  }
}

/** Runs `work` under an advisory lock, which ends with the connection should we die. */
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
 * BullMQ waits and tries again only when it reads ECONNREFUSED; any other error makes its loop spin. So everything
 * that may pass is made to look like that.
 */
function rethrow(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (isSqlState(code) && postgresErrorKind(code) !== 'passing') throw error
  throw Object.assign(
    new Error(`Postgres is not available: ${describeError(error)}`, { cause: error }),
    {
      code: 'ECONNREFUSED',
    },
  )
}

function shareConnection(
  connection: PostgresConnection,
  name: string,
  options: QueueBaseOptions,
): PostgresQueueBackend {
  // As owner, the backend follows the LISTEN connection when that is renewed; closing is our `close`.
  const backend = new PostgresQueueBackend(connection, name, options as PostgresOptions, true)
  backend.close = () => Promise.resolve()
  backend.disconnect = () => Promise.resolve()
  // BullMQ trusts a LISTEN connection for an hour while a delayed job waits.
  Object.defineProperty(backend, 'maximumBlockTimeout', { value: 5 })
  return backend
}

/** Every worker says LISTEN on the shared connection; pg is about to refuse statements that overlap. */
function queueListenStatements(connection: PostgresConnection): void {
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
}

/** Listens on the connection that BullMQ's workers listen on, and again on the next one when it was lost. */
async function subscribe(
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
