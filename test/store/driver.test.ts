import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/*
 * The faults of the driver that `patches/` mends (porsager/postgres#1154 and #1208). Each of these tests fails on the
 * driver as it is published: by an exception that nobody can catch, by a statement that is never answered, or by a
 * statement that reaches somebody else's transaction.
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
  await admin`select pg_terminate_backend(${pid}, 5000)`
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
