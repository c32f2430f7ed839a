import { afterAll, beforeAll, expect, test } from 'vitest'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { runStatement } from '../../src/store/statements.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/** The defaults of a stock server. */
const stock = { jit: 'on', plan_cache_mode: 'auto' }

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  const admin = openPool(database.url, { max: 1 })
  const name = new URL(database.url).pathname.slice(1)
  for (const [setting, value] of Object.entries(stock))
    await admin.unsafe(`alter database ${name} set ${setting} = '${value}'`)
  await closePool(admin)
})

afterAll(async () => {
  await database.drop()
})

test('a connection of the pool plans each statement anew, and compiles none, whatever the server does by default', async () => {
  const db = openPool(database.url, { max: 1 })
  expect(await settingsOf(db)).toEqual({ jit: 'off', planCacheMode: 'force_custom_plan' })
  await closePool(db)
})

test('a transaction sets the same for itself, on a connection that came without it', async () => {
  const db = openPool(database.url, { max: 1 })
  await db.unsafe(`set jit = 'on'`)
  await db.unsafe(`set plan_cache_mode = 'auto'`)
  const inside = await db.begin(async (transaction) => {
    await runStatement(transaction, 'plan_mode_update', ['force_custom_plan'])
    return settingsOf(transaction)
  })
  expect(inside).toEqual({ jit: 'off', planCacheMode: 'force_custom_plan' })
  expect(await settingsOf(db)).toEqual({ jit: 'on', planCacheMode: 'auto' })
  await closePool(db)
})

async function settingsOf(db: Pick<Db, 'unsafe'>): Promise<object | undefined> {
  const [row] = await db.unsafe<object[]>(
    `select current_setting('jit') as jit, current_setting('plan_cache_mode') as plan_cache_mode`,
  )
  return row
}
