import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dumpSchema } from '../../src/store/dump.ts'
import { migrate, migrationNames } from '../../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let pools: Db[]

beforeEach(async () => {
  database = await createEmptyDatabase()
  pools = [openPool(database.url, { max: 2 }), openPool(database.url, { max: 2 })]
})

afterEach(async () => {
  await Promise.all(pools.map(closePool))
  await database.drop()
})

test('processes that start at once migrate once, and a later start changes nothing', async () => {
  await Promise.all(pools.map(migrate))
  const [first] = pools as [Db]
  const schema = await dumpSchema(first)
  const applied = await first`select name, applied_at from schema_migrations order by name`
  expect(applied.map((row) => row['name'])).toEqual(migrationNames())

  await migrate(first)
  expect(await dumpSchema(first)).toBe(schema)
  expect(await first`select name, applied_at from schema_migrations order by name`).toEqual(applied)
})

test('every migration says in line 1 whether old workers may keep running', () => {
  for (const name of migrationNames()) {
    const text = readFileSync(new URL(`../../migrations/${name}`, import.meta.url), 'utf8')
    expect(text, name).toMatch(/^-- (?:compatible|breaking)\n/)
  }
})
