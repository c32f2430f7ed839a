import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  isNotConnectionError,
  type PgPool,
  type PostgresConnection,
  type PgPoolClient,
  PostgresQueueBackend,
} from 'bullmq'
import { expect, test } from 'vitest'
import {
  asConnectionError,
  backendOn,
  bullmqVersion,
  limitStatements,
  sharedConnection,
} from '../../src/queue/backends/bullmq-postgres.ts'

/** A pool of one client that notes how many statements of it run at once. */
function fakePool(): { pool: PgPool; mostAtOnce(): number } {
  let running = 0
  let most = 0
  const client = {
    on: () => client,
    removeListener: () => client,
    removeAllListeners: () => client,
    release: () => {},
    query: async () => {
      running += 1
      most = Math.max(most, running)
      await nextTurn()
      running -= 1
      return { rows: [], rowCount: 0 }
    },
  }
  const pool = {
    query: client.query,
    connect: async () => client as unknown as PgPoolClient,
    end: async () => {},
    on: () => pool,
    removeAllListeners: () => pool,
  }
  return { pool, mostAtOnce: () => most }
}

const options = { connection: {} }

test('the installed BullMQ is the one whose internals bullmq-postgres.ts was written for', () => {
  const { version } = createRequire(import.meta.url)('bullmq/package.json') as { version: string }
  expect(version).toBe(bullmqVersion)
})

test('BullMQ takes for a lost connection what may pass by itself, and nothing else', () => {
  const thrownFor = (code: string): Error => {
    try {
      return asConnectionError(Object.assign(new Error('from the driver'), { code }))
    } catch (error) {
      return error as Error
    }
  }
  for (const code of ['57P03', '53300', '25006', 'ECONNRESET', 'EPIPE']) {
    const original = Object.assign(new Error('from the driver'), { code })
    expect(isNotConnectionError(original), code).toBe(true)
    expect(isNotConnectionError(thrownFor(code)), code).toBe(false)
  }
  for (const code of ['42601', '23505', '22P05']) {
    expect(isNotConnectionError(thrownFor(code)), code).toBe(true)
    expect(thrownFor(code)).toMatchObject({ code, message: 'from the driver' })
  }
})

test('statements on the shared LISTEN connection wait for each other', async () => {
  const { pool, mostAtOnce } = fakePool()
  const connection = sharedConnection(pool)
  const listen = async () => (await connection.getListenClient()).query('listen x')
  await Promise.all([listen(), listen(), listen()])
  expect(mostAtOnce()).toBe(1)
})

test('a worker runs only so many statements at a time', async () => {
  const { pool, mostAtOnce } = fakePool()
  const worker = limitStatements(backendOn(sharedConnection(pool), 'worker', options), 2)
  const { connection } = worker as unknown as { connection: PostgresConnection }
  await Promise.all(Array.from({ length: 10 }, async () => connection.pool.query('select 1')))
  expect(mostAtOnce()).toBe(2)
})

test('closing a queue or a worker leaves the shared connection open, and the others listen again after a loss', async () => {
  const connection = sharedConnection(fakePool().pool)
  const [one] = ['one', 'other'].map((name) => backendOn(connection, name, options))
  const listeners = connection.listenerCount('listenerinvalidated')
  await one!.close()
  await one!.disconnect()
  expect(connection.isClosing).toBeUndefined()
  expect(listeners).toBe(2)
})

test('a worker looks for itself every five seconds, where BullMQ would trust the connection for longer', () => {
  const connection = sharedConnection(fakePool().pool)
  const own = new PostgresQueueBackend(connection, 'own', options, true)
  expect(own.maximumBlockTimeout).toBeGreaterThan(5)
  expect(backendOn(connection, 'ours', options).maximumBlockTimeout).toBe(5)
})
