import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closePool, openPool } from '../../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { startProxy } from '../support/proxy.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})

afterAll(async () => {
  await database.drop()
})

test('connections that nothing uses are closed, and made anew for what comes', async () => {
  const watch = openPool(database.url, { max: 1, idleSeconds: 600 })
  const db = openPool(database.url, { max: 4, idleSeconds: 0.1 })
  const ids = await Promise.all(Array.from({ length: 4 }, async () => backendId(db, 50)))
  expect(new Set(ids).size).toBe(4)
  const left = async () => {
    const [row] = await watch<{ left: number }[]>`
      select count(*) as left from pg_stat_activity where pid = any(${ids}::int[])`
    return row!.left
  }
  await expect.poll(left, { timeout: 10_000 }).toBe(0)
  expect(ids).not.toContain(await backendId(db, 0))
  await closePool(db)
  await closePool(watch)
})

test('a statement or transaction that comes while a connection is being closed is answered all the same', async () => {
  const idleSeconds = 0.02
  const db = openPool(database.url, { max: 2, idleSeconds })
  const seen = new Set<number>()
  for (let i = 0; i < 150; i++) {
    const [alone, [inside]] = await Promise.all([
      backendId(db, 0),
      db.begin((transaction) => [transaction<{ id: number }[]>`select pg_backend_pid() as id`]),
    ])
    seen.add(alone).add(inside![0]!.id)
    // Around the moment at which they are closed.
    await pause(idleSeconds * 1000 - 3 + (i % 7))
  }
  expect(seen.size).toBeGreaterThan(2)
  await closePool(db)
})

test('a connection to a server that is gone gives up its place too', async () => {
  const proxy = await startProxy(database.url)
  const db = openPool(proxy.through(database.url), { max: 1, idleSeconds: 0.1 })
  const first = await backendId(db, 0)
  proxy.forget()
  // It is being closed by then, and nobody answers that.
  await pause(500)
  expect(await backendId(db, 0)).not.toBe(first)
  await closePool(db)
  await proxy.close()
})

async function backendId(db: ReturnType<typeof openPool>, ms: number): Promise<number> {
  const [row] = await db<{ id: number }[]>`
    select pg_backend_pid() as id from pg_sleep(${ms / 1000})`
  return row!.id
}
