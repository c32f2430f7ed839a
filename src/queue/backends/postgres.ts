import {
  type PgPool,
  type PgPoolClient,
  Queue,
  type QueueBaseOptions,
  runMigrations,
  Worker,
} from 'bullmq'
import pg from 'pg'
import type { QueueBackend, QueuePool } from '../backend.ts'
import { oneForAll } from '../one-for-all.ts'
import { silentLog } from '../report.ts'
import { withTimeLimit } from '../time-limit.ts'
import { bullBackend, type Pace } from './bullmq.ts'
import {
  asConnectionError,
  backendOn,
  limitStatements,
  listenOn,
  listHeldJobs,
  oneAtATime,
  releaseAllJobs,
  releaseJob,
  sharedConnection,
} from './bullmq-postgres.ts'
import type { BullOptions, Connect, Datastore } from './datastore.ts'
import { oldestJobs } from './postgres-oldest.ts'
import { flushToDisk } from './postgres-flush.ts'
import { keepPayloads, preparePayloads, readPayload, removePayload } from './postgres-payloads.ts'

const schema = 'bullmq'
const connectMs = 2_000
const closeMs = 1_000
/** Under load Postgres may well take 2 s, which would refuse what could have been taken. Clients get an answer in 5 s. */
const usualAnswerMs = 4_000

/**
 * One pool for producers, workers and announcements. One connection of it listens, for all queues; the others run
 * statements and are closed when idle for 10 seconds: each takes some 8 MiB in the server. So 7 at most per process,
 * producer and 6 workers included (counted in pg_stat_activity).
 */
const poolSize = 7

/**
 * How many of its connections one worker uses at a time. A worker asks for each of its jobs alone, and 64 that are done at
 * once would stand before whatever another lane, or a request, needs.
 */
const statementsPerWorker = 2

/**
 * BullMQ on Postgres 14 or newer, in the schema `bullmq` of the given database, which `start` creates or upgrades.
 * Needs a session per connection: LISTEN does not work through a pooler in transaction mode.
 * @param options.url `postgres://user:password@host:port/database`
 */
export function postgresBackend({
  url,
  log = silentLog,
  namespace = 'runmill',
  isAlone = false,
  owner,
  answerMs = usualAnswerMs,
  whileAnswering,
}: PostgresOptions): QueueBackend {
  const pace = { answerMs, ...(whileAnswering === undefined ? {} : { whileAnswering }) }
  return bullBackend('postgres', postgresConnect(url, namespace, isAlone), log, { owner, pace })
}

interface PostgresOptions extends BullOptions {
  /**
   * True when no other process works on this database: jobs that are held at the start were held by a process that is
   * dead, and are taken over at once.
   */
  isAlone?: boolean
  /** Rejects as soon as it is known that Postgres answers nobody. Default: only time tells. */
  whileAnswering?: Pace['whileAnswering']
}

function postgresConnect(url: string, namespace: string, isAlone: boolean): Connect {
  return async (report) => {
    const { pool, use } = openPool(url)
    pool.on('error', (error) => report(error, 'pool'))
    try {
      await withTimeLimit(migrate(pool), 30_000)
      if (isAlone) await withTimeLimit(releaseAllJobs(pool, `${namespace}-`), 30_000)
    } catch (error) {
      void pool.end().catch(() => {})
      throw error
    }

    const connection = sharedConnection(pool)
    connection.on('error', (error) => report(error, 'listen connection'))
    await connection.waitUntilReady()
    const backendOf = (name: string, options: QueueBaseOptions) =>
      backendOn(connection, name, options)
    const workerBackendOf = (name: string, options: QueueBaseOptions) =>
      limitStatements(backendOn(connection, name, options), statementsPerWorker)
    const channel = `${namespace}_applied`
    const flush = oneForAll(async () => flushToDisk(pool))

    const store: Datastore = {
      openQueue: (name, options) =>
        new Queue(`${namespace}-${name}`, { ...options, connection: {} }, backendOf),
      openWorker: (name, work, options) =>
        new Worker(`${namespace}-${name}`, work, { ...options, connection: {} }, workerBackendOf),
      async addAll(queue, name, payloads, options) {
        const texts = await keepPayloads(pool, payloads)
        // `addBulk` makes two temporary tables per call, which one job need not pay for.
        if (texts.length === 1) await queue.add(name, texts[0], options)
        else await queue.addBulk(texts.map((data) => ({ name, data, opts: options })))
        await flush()
      },
      // Each further byte is written three times: to the log, to the table and its copy in the log.
      takesPlain: false,
      read: (data) => readPayload(pool, data),
      forget: (data) => removePayload(pool, data),
      alone: oneAtATime(pool, channel),
      publish: (message) => pool.query('select pg_notify($1, $2)', [channel, message]),
      subscribe: (deliver) => listenOn(connection, channel, deliver, report),
      held: (queue) => listHeldJobs(pool, queue.name),
      release: (queue, job) => releaseJob(pool, queue.name, job),
      // A Postgres that loses what it has committed loses the rows as well.
      hasLostMark: async () => false,
      oldest: (queue) => oldestJobs(pool, queue.name),
      // Jobs are on the disk.
      memory: async () => null,
      connections: use,
      ping: () => pool.query('select 1'),
      async close() {
        await withTimeLimit(connection.close(), closeMs).catch(() => {})
        await withTimeLimit(pool.end(), closeMs).catch(() => {})
      },
    }
    return store
  }
}

interface OpenPool {
  pool: PgPool
  use(): QueuePool
}

/** What pg's pool has beside what BullMQ needs of it. */
type CountingPool = PgPool & Record<'totalCount' | 'idleCount' | 'waitingCount', number>

function openPool(url: string): OpenPool {
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
      // Statements and not startup options, which poolers refuse and a URL may override. Why nothing waits for the disk is
      // told in postgres-flush.ts.
      return client.query(`set search_path to "${schema}"; set synchronous_commit to off`)
    },
  }) as CountingPool
  const guarded: PgPool = {
    query: (text, params) => pool.query(text, params && [...params]).catch(asConnectionError),
    connect: () => pool.connect().catch(asConnectionError),
    end: () => pool.end(),
    on: pool.on.bind(pool),
    removeAllListeners: pool.removeAllListeners.bind(pool),
  }
  const use = () => ({
    used: pool.totalCount - pool.idleCount,
    max: poolSize,
    waiting: pool.waitingCount,
  })
  return { pool: guarded, use }
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
