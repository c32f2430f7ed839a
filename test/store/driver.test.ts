import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { openRequestPool } from '../../src/store/request-pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { startProxy } from '../support/proxy.ts'

/*
 * The faults of the driver that `patches/` mends (porsager/postgres#1154 and #1208). Each of these tests fails on the
 * driver as it is published: by an exception that nobody can catch, by a statement that is never answered, by a statement
 * that reaches somebody else's transaction, or by rows that are not found.
 */

let database: TestDatabase
let admin: Db
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  admin = openPool(database.url, { max: 1 })
  db = openPool(database.url, { max: 1 })
})

afterAll(async () => {
  await closePool(db)
  await closePool(admin)
  await database.drop()
})

/** Ends the server's side of a connection. */
async function terminate(pid: number): Promise<void> {
  await admin`select pg_terminate_backend(${pid}::int, 5000)`
}

async function pidOf(sql: Pick<Db, 'unsafe'>): Promise<number> {
  const [row] = await sql.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid')
  return row!.pid
}

describe('a connection that was cut', () => {
  test('while it was reserved: every later statement on it is refused, and the pool continues to work', async () => {
    const reserved = await db.reserve()
    await terminate(await pidOf(reserved))
    for (let i = 0; i < 3; i++) {
      await expect(reserved`select 1`).rejects.toMatchObject({ code: expect.any(String) })
    }
    reserved.release()
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('in a transaction, with statements running and waiting: all are refused, and the pool continues to work', async () => {
    for (let round = 0; round < 20; round++) {
      const answers = db.begin(async (transaction) => {
        const cut = terminate(await pidOf(transaction))
        const statements = Promise.allSettled(
          Array.from({ length: 10 }, async () => transaction`select pg_sleep(0.01)`),
        )
        await cut
        expect((await statements).some(({ status }) => status === 'rejected')).toBe(true)
        await transaction`select 1`
      })
      await expect(answers).rejects.toMatchObject({ code: expect.any(String) })
      expect(await db`select 1 as one`).toEqual([{ one: 1 }])
    }
  })

  test('does not affect the transaction that comes after it', async () => {
    await admin`create table if not exists kept (id integer)`
    let goOn = (): void => {}
    const waiting = new Promise<void>((resolve) => (goOn = resolve))
    let leave = (): void => {}
    const left = new Promise<void>((resolve) => (leave = resolve))
    const stale = db
      .begin(async (transaction) => {
        await terminate(await pidOf(transaction))
        await waiting
        // The statement also ends when the driver sends its own `rollback`.
        await transaction`insert into kept values (1)`.finally(leave)
      })
      .catch((error: unknown) => error)
    expect(await stale).toMatchObject({ code: expect.any(String) })

    await db.begin(async (transaction) => {
      await transaction`insert into kept values (2)`
      goOn()
      await left
      await transaction`insert into kept values (3)`
    })
    expect(await admin`select id from kept order by id`).toEqual([{ id: 2 }, { id: 3 }])
  })
})

/*
 * The driver as it is published sends a request to cancel without regard to what its connection does by the time it
 * arrives, loses the connection of a statement that was cancelled before it was sent, and cannot begin a transaction
 * where nothing may be sent behind a running statement.
 */
describe('a statement that is cancelled', () => {
  const cancelled = { code: '57014' }

  async function isActive(text: string): Promise<boolean> {
    const rows = await admin`
      select from pg_stat_activity where state = 'active' and query = ${text} and pid <> pg_backend_pid()`
    return rows.length > 0
  }

  test('while it runs: it alone ends, and the one behind it gets its own answer', async () => {
    for (let round = 0; round < 20; round++) {
      const slow = db.unsafe(`select pg_sleep(100), ${round}`)
      const answer = expect(slow.execute()).rejects.toMatchObject(cancelled)
      await expect.poll(async () => isActive(`select pg_sleep(100), ${round}`)).toBe(true)
      slow.cancel()
      const next = db`select pg_sleep(0.02), ${round}::int as round`
      await answer
      expect(await next).toMatchObject([{ round }])
    }
  })

  test('as it ends by itself: the request to cancel does not reach the one after it', async () => {
    const single = openRequestPool(database.url, { max: 1 })
    await single`select 1`
    for (let round = 0; round < 100; round++) {
      const first = single.unsafe('select pg_sleep(0.002)')
      const done = first.execute().catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, 2))
      first.cancel()
      const next = single`select pg_sleep(0.005), ${round}::int as round`
      expect(await next).toMatchObject([{ round }])
      await done
    }
    await closePool(single)
  })

  test('before it was sent: the connection is still there for others', async () => {
    const fresh = openPool(database.url, { max: 1 })
    // While the connection is made; while another one runs; before the driver has looked at it.
    const first = fresh.unsafe('select 1').execute()
    await Promise.resolve()
    await Promise.resolve()
    first.cancel()
    await expect(first).rejects.toMatchObject(cancelled)
    expect(await fresh`select 2 as two`).toEqual([{ two: 2 }])

    const unseen = fresh.unsafe('select 3').execute()
    unseen.cancel()
    await expect(unseen).rejects.toMatchObject(cancelled)
    expect(await fresh`select 4 as four`).toEqual([{ four: 4 }])
    await closePool(fresh)
  })

  test('a pool for requests sends nothing behind a running statement, and still begins transactions', async () => {
    const requests = openRequestPool(database.url, { max: 2 })
    const slow = requests.unsafe('select pg_sleep(100)')
    const answer = expect(slow.execute()).rejects.toMatchObject(cancelled)
    await expect.poll(async () => isActive('select pg_sleep(100)')).toBe(true)
    for (let i = 0; i < 3; i++) {
      expect(await requests.begin(async (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }])
      expect(await requests`select 2 as two`).toEqual([{ two: 2 }])
    }
    slow.cancel()
    await answer
    await closePool(requests)
  })
})

/*
 * The driver as it is published waits for the answer to `begin` before it sends anything else, sends nothing behind a
 * statement that the socket has not taken yet, and runs what comes after the end of a transaction on a connection that
 * may be somebody else's by then.
 */
describe('a transaction', () => {
  interface Place {
    pid: number
    id: string
  }

  test('has one connection, and has it to itself, however many wait for one', async () => {
    const pool = openPool(database.url, { max: 3 })
    const places = await Promise.all(
      Array.from({ length: 60 }, async () =>
        pool.begin(async (transaction) => {
          const place = async (): Promise<Place> => {
            const [row] = await transaction<
              Place[]
            >`select pg_backend_pid() as pid, pg_current_xact_id()::text as id`
            return row!
          }
          const [first, second] = await Promise.all([place(), place()])
          await new Promise((resolve) => setImmediate(resolve))
          return [first, second, await place()]
        }),
      ).flatMap((transaction) => [transaction, pool`select 2`]),
    )
    const ids = new Set<string>()
    for (const [first, ...others] of places as Place[][]) {
      if (first?.id === undefined) continue
      expect(others).toEqual([first, first])
      ids.add(first.id)
    }
    expect(ids.size).toBe(60)
    await closePool(pool)
  })

  test('sends its first statement without waiting for the answer to `begin`', async () => {
    const proxy = await startProxy(database.url)
    const pool = openPool(proxy.through(database.url), { max: 1 })
    await pool`select 1`
    proxy.mute()
    const lost = pool
      .begin(async (transaction) => transaction.unsafe(`select 'behind', pg_sleep(100)`))
      .catch((error: unknown) => error)
    await expect
      .poll(
        async () =>
          admin`select from pg_stat_activity where query like '%behind%' and state = 'active' and pid <> pg_backend_pid()`,
      )
      .toHaveLength(1)
    await proxy.close()
    expect(await lost).toMatchObject({ code: 'CONNECTION_CLOSED' })
    await closePool(pool)
  })

  test('sends a statement behind another one that is larger than what the socket takes', async () => {
    const large = 'x'.repeat(4_000_000)
    const answers = await db.begin(async (transaction) =>
      Promise.all([
        transaction`select length(${large}::text) as length`,
        transaction`select length(${large + large}::text) as length`,
        transaction`select 1 as length`,
      ]),
    )
    expect(answers.flat()).toEqual([{ length: 4_000_000 }, { length: 8_000_000 }, { length: 1 }])
  })

  test('that has ended runs nothing more', async () => {
    const late = await db.begin(async (transaction) => ({ transaction }))
    await expect(late.transaction`select 1`).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
    expect(await db`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('that failed runs nothing of what it still had to do', async () => {
    await admin`create table if not exists done_late (id integer)`
    let late: Promise<unknown> = Promise.resolve()
    const failed = db.begin(async (transaction) => {
      const first = transaction`select pg_sleep(0.05)`.execute()
      late = first.then(async () => transaction`insert into done_late values (1)`)
      late.catch(() => {})
      throw new TypeError('something else went wrong')
    })
    await expect(failed).rejects.toThrow('something else')
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
    expect(await admin`select from done_late`).toHaveLength(0)
  })
})

test('a statement that cannot be sent fails alone, and the one before it gets its answer', async () => {
  const slow = db`select pg_sleep(0.05), 1 as one`
  const impossible = db.unsafe('select $1::integer as two', [undefined as never])
  const [first, second] = await Promise.allSettled([slow, impossible])
  expect(first).toMatchObject({ status: 'fulfilled', value: [{ one: 1 }] })
  expect(second).toMatchObject({ reason: { code: 'UNDEFINED_VALUE' } })
  expect(await db`select 3 as three`).toEqual([{ three: 3 }])
})

test('a statement that fails after its first rows leaves none of them to the next one', async () => {
  const failing = db`select 1 / (5 - i) from generate_series(1, 10) as i`
  await expect(failing).rejects.toMatchObject({ code: '22012' })
  const next = await db`select 1 as one`
  expect([...next]).toEqual([{ one: 1 }])
})
