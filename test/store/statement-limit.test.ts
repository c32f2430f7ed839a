import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test, type TestContext } from 'vitest'
import { isRetryable } from '../../src/store/errors.ts'
import { closePool, openPool, type Db, type PoolOptions } from '../../src/store/pool.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'

/* SPEC I6: a Postgres that hangs holds no batch and no request for ever. */

/* The tests wait for limits to pass, so they wait at once, each on a database of its own. */

interface Fixture {
  db: Db
  /** Between the pool and the database. */
  proxy: Proxy
  /** Ends what hangs: old connections are cut, and new ones come through. */
  recover(): Promise<void>
  /** How many sessions of the pool meet a condition. */
  sessions(where: string): Promise<number>
}

async function open({ onTestFinished }: TestContext, options: PoolOptions): Promise<Fixture> {
  const database = await createTestDatabase()
  const proxy = await startProxy(database.url)
  const admin = openPool(database.url, { max: 1 })
  const db = openPool(proxy.through(database.url), options)
  onTestFinished(async () => {
    await proxy.down()
    await closePool(db)
    await proxy.close()
    await closePool(admin)
    await database.drop()
  })
  return {
    db,
    proxy,
    recover: async () => {
      await proxy.down()
      await proxy.up()
      // Sockets of this process say that they are closed at the end of a turn, and until then refuse statements.
      await nextTurn()
      await nextTurn()
    },
    sessions: async (where) => {
      const rows = await admin.unsafe(
        `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and ${where}`,
      )
      return rows.length
    },
  }
}

/** As `open`, with a connection. */
async function connect(context: TestContext, options: PoolOptions): Promise<Fixture> {
  const opened = await open(context, options)
  await opened.db`select 1`
  return opened
}

/** @throws when it succeeds, or fails for good */
async function refusal(statement: Promise<unknown>): Promise<unknown> {
  const error: unknown = await statement.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(isRetryable(error), String(error)).toBe(true)
  return error
}

const short = { usualMs: 1500, longMs: 1500 }

describe.concurrent('a server that hangs', () => {
  test('every statement is refused, those behind the first and those without a connection too', async (context) => {
    const { db, proxy, recover } = await connect(context, { max: 2, limits: short })
    proxy.hang()
    const [first, ...others] = await Promise.all(
      Array.from({ length: 30 }, async () => refusal(db`select 1`.execute())),
    )
    expect(first).toMatchObject({ code: 'STATEMENT_TIMEOUT' })
    expect(others).toHaveLength(29)
    await recover()
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('a transaction is refused, at its beginning and in its middle, and leaves no connection behind', async (context) => {
    const { db, proxy, recover } = await connect(context, { max: 1, limits: short })
    const statement = db.begin(async (transaction) => {
      await transaction`select 1`
      proxy.hang()
      await transaction`select 2`
    })
    await refusal(statement)
    await refusal(db.begin(async (transaction) => transaction`select 1`))
    await recover()
    for (let i = 0; i < 3; i++) {
      expect(await db.begin(async (transaction) => transaction`select ${i} as n`)).toHaveLength(1)
    }
    expect(await db`select '{1,2}'::integer[] as list`).toEqual([{ list: [1, 2] }])
  })

  test('a connection that is only being made is given up', async (context) => {
    const { db, proxy, recover } = await open(context, { max: 1, limits: short })
    proxy.hang()
    expect(await refusal(db`select 1`.execute())).toMatchObject({ code: 'STATEMENT_TIMEOUT' })
    await refusal(db.begin(async (transaction) => transaction`select 1`))
    await recover()
    for (let i = 0; i < 3; i++) await db.begin(async (transaction) => transaction`select 1`)
    expect(await db`select '{1,2}'::integer[] as list`).toEqual([{ list: [1, 2] }])
  })
})

describe.concurrent('a server that is alive', () => {
  test('a statement that takes too long is refused, and cancelled in the server', async (context) => {
    const { db, sessions } = await connect(context, { max: 1, limits: short })
    expect(await refusal(db`select pg_sleep(600)`.execute())).toMatchObject({
      code: 'STATEMENT_TIMEOUT',
    })
    await expect.poll(async () => sessions(`query like '%pg_sleep(600)%'`)).toBe(0)
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('a statement of a longer limit is not cut off by those that wait behind it', async (context) => {
    const { db } = await connect(context, { max: 1, limits: { usualMs: 1500, longMs: 60_000 } })
    const long = db.unsafe('select pg_sleep(5)', [], { limit: 'long' }).execute()
    const behind = await refusal(db`select 1`.execute())
    expect(behind).toMatchObject({ code: 'STATEMENT_TIMEOUT' })
    expect(await long).toHaveLength(1)
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('a transaction that waited too long for its connection never begins', async (context) => {
    const { db, sessions } = await connect(context, {
      max: 1,
      limits: { usualMs: 1500, longMs: 60_000 },
    })
    const long = db.begin(async (transaction) => {
      await transaction.unsafe('select pg_sleep(5)', [], { limit: 'long' })
    })
    await refusal(db.begin(async (transaction) => transaction`select 1`))
    await long
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
    expect(await sessions(`state like 'idle in transaction%'`)).toBe(0)
  })
})

test('a server that refuses connections is asked each time, however often it has refused', async (context) => {
  const { db, proxy } = await open(context, { max: 1, limits: { usualMs: 3000, longMs: 3000 } })
  await proxy.down()
  await refusal(db`select 1`.execute())
  // The driver's own pauses would be longer than the limit by then.
  for (let i = 0; i < 9; i++) {
    expect(await refusal(db`select 1`.execute())).toMatchObject({ code: 'ECONNREFUSED' })
  }
  await proxy.up()
  expect(await db`select 1 as one`).toEqual([{ one: 1 }])
})

test('a server that takes connections and closes them is asked once for each statement', async ({
  onTestFinished,
}) => {
  let connections = 0
  const closing = createServer((socket) => {
    connections++
    socket.on('error', () => {}).end()
  }).listen(0, '127.0.0.1')
  await once(closing, 'listening')
  const { port } = closing.address() as AddressInfo
  const db = openPool(`postgres://runmill@127.0.0.1:${port}/postgres`, { max: 1 })
  onTestFinished(async () => {
    closing.close()
    await closePool(db)
  })
  expect(await refusal(db`select 1`.execute())).toMatchObject({ code: 'CONNECTION_CLOSED' })
  await refusal(db.begin(async (transaction) => transaction`select 1`))
  expect(connections).toBe(2)
})

test('a server has answered in time if its answer came while this process stood still', async ({
  onTestFinished,
}) => {
  // Not through a proxy, which would stand still too.
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 1, limits: short })
  onTestFinished(async () => {
    await closePool(db)
    await database.drop()
  })
  await db`select 1 as one`
  const statement = db`select 1 as one`.execute()
  // By then it has been sent.
  await nextTurn()
  await nextTurn()
  const end = performance.now() + short.usualMs + 500
  while (performance.now() < end);
  expect(await statement).toEqual([{ one: 1 }])
})

test('a statement that was cancelled before it began has no limit to wait for', async (context) => {
  const { db } = await open(context, { max: 1, limits: { usualMs: 2 ** 30, longMs: 2 ** 30 } })
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  for (let i = 0; i < 50; i++) {
    const statement = db`select 1`
    statement.cancel()
    await expect(statement).rejects.toMatchObject({ code: '57014' })
  }
  expect(timers()).toBeLessThan(before + 50)
})
