import { afterEach, beforeEach, expect, test } from 'vitest'
import { startFaultProxy, type FaultProxy } from '../../chaos/proxy.ts'
import { isRetryable } from '../../src/store/errors.ts'
import { type Heartbeat, startHeartbeat } from '../../src/store/heartbeat.ts'
import { closePool, type Db, openPool } from '../../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/* SPEC I6: a Postgres that answers nobody is told from a statement that takes long. */

let database: TestDatabase
let proxy: FaultProxy
let heartbeat: Heartbeat
let db: Db

beforeEach(async () => {
  database = await createTestDatabase()
  const url = new URL(database.url)
  proxy = await startFaultProxy(Number(url.port))
  url.host = `127.0.0.1:${proxy.port}`
  heartbeat = startHeartbeat(url.href)
  // Nothing but the heartbeat ends a statement.
  const limits = { usualMs: 600_000, longMs: 600_000 }
  db = openPool(url.href, { max: 2, limits, silence: heartbeat })
  // Both connections are open, so that no time limit of connecting ends anything either.
  await Promise.all([1, 2].map(async () => db`select pg_sleep(0.2)`))
})

afterEach(async () => {
  heartbeat.stop()
  await proxy.close()
  await closePool(heartbeat.db)
  await closePool(db)
  await database.drop()
})

async function refusal(work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(isRetryable(error), String(error)).toBe(true)
}

test('what waits for a silent server is given up, nothing new begins, and all goes on after the silence', async () => {
  // Its connection waits for nothing when the silence begins: it is lost only when the transaction goes on.
  let goOn = (): void => {}
  let isOpen = (): void => {}
  const opened = new Promise<void>((resolve) => (isOpen = resolve))
  const waiting = new Promise<void>((resolve) => (goOn = resolve))
  const transaction = db.begin(async (sql) => {
    await sql`create table half_done (n integer)`
    isOpen()
    await waiting
    await sql`select 1`
  })
  const ended = refusal(transaction)
  await opened
  proxy.hold()
  await Promise.all([
    ...[1, 2, 3, 4, 5].map(async () => refusal(db`select 1`.execute())),
    refusal(heartbeat.whileAnswering(new Promise(() => {}))),
  ])
  expect(heartbeat.isSilent()).toBe(true)
  await refusal(db`select 1`.execute())
  await refusal(db.begin(async (sql) => sql`select 1`))
  await refusal(heartbeat.whileAnswering(new Promise(() => {})))
  goOn()
  await ended

  proxy.release()
  await expect.poll(() => heartbeat.isSilent(), { timeout: 60_000 }).toBe(false)
  const rows = await Promise.all([1, 2, 3].map(async (n) => db`select ${n}::integer as n`))
  expect(rows.flat()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  expect(await db`select to_regclass('half_done')::text as name`).toEqual([{ name: null }])
  await expect
    .poll(
      async () =>
        db`select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    )
    .toEqual([])
})

test('a statement that takes longer than a silence is left alone', async () => {
  expect(await db`select pg_sleep(4)`).toHaveLength(1)
  expect(heartbeat.isSilent()).toBe(false)
})

test('a server that refuses connections is silent too, and a lost connection of the heartbeat alone is not', async () => {
  proxy.cut()
  await expect.poll(async () => db`select 1 as one`.catch(() => null)).toEqual([{ one: 1 }])
  expect(heartbeat.isSilent()).toBe(false)
  await proxy.close()
  await expect.poll(() => heartbeat.isSilent(), { timeout: 60_000 }).toBe(true)
})
