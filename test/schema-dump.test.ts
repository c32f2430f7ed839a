import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dumpSchema } from '../scripts/schema-dump.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from './support/postgres.ts'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 2 })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

test('the migrations give the committed schema (npm run db:dump writes it)', async () => {
  const committed = readFileSync(new URL('./fixtures/schema.sql', import.meta.url), 'utf8')
  expect(await dumpSchema(db)).toBe(committed)
})

test.each([
  ['a column', 'alter table tenants add column extra text'],
  ['a default', "alter table tenants alter column name set default 'x'"],
  ['a not null', 'alter table api_keys alter column note set not null'],
  ['a constraint', 'alter table tenants add constraint named check (length(name) > 0)'],
  ['an index', 'create index on tenants (name)'],
  ['a storage setting', 'alter table tenants alter column name set storage external'],
  ['a table setting', 'alter table tenants set (fillfactor = 50)'],
  ['a function', "create function one() returns integer language sql as 'select 1'"],
])('%s shows in the dump', async (_name, change) => {
  const before = await dumpSchema(db)
  await db
    .begin(async (transaction) => {
      await transaction.unsafe(change)
      // The dump runs inside the transaction, so it sees the change. The rollback undoes it for the other cases.
      expect(await dumpSchema(transaction)).not.toBe(before)
      throw new Rollback()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Rollback)) throw error
    })
  expect(await dumpSchema(db)).toBe(before)
})

class Rollback extends Error {}
