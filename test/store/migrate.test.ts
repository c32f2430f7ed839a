import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dumpSchema } from '../../scripts/schema-dump.ts'
import { migrate, migrationNames, SchemaTooNewError } from '../../src/store/migrate.ts'
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
  const applied = await first`select * from schema_migrations order by name`
  expect(applied.map((row) => row['name'])).toEqual(migrationNames())

  await migrate(first)
  expect(await dumpSchema(first)).toBe(schema)
  expect(await first`select * from schema_migrations order by name`).toEqual(applied)
})

describe('the flag in line 1', () => {
  const flags = async (db: Db) =>
    db<{ name: string; isBreaking: boolean }[]>`
      select name, is_breaking from schema_migrations order by name`

  test('is stored with each migration', async () => {
    const [db] = pools as [Db]
    await migrate(db)
    const breaking = (await flags(db)).filter((row) => row.isBreaking).map((row) => row.name)
    expect(breaking).toEqual(migrationNames().filter((name) => flagOf(name) === '-- breaking'))
    expect(breaking).toContain('0009_list_reads.sql')
  })

  test('is added to migrations that were applied before flags were stored', async () => {
    const [db] = pools as [Db]
    await migrate(db)
    const stored = await flags(db)
    await db`alter table schema_migrations drop column is_breaking`
    await migrate(db)
    expect(await flags(db)).toEqual(stored)
  })

  test('of a newer migration is "compatible": this version starts', async () => {
    const [db] = pools as [Db]
    await migrate(db)
    await db`insert into schema_migrations (name, is_breaking) values ('9999_newer.sql', false)`
    await migrate(db)
    expect((await flags(db)).at(-1)).toEqual({ name: '9999_newer.sql', isBreaking: false })
  })

  test.each([true, null])(
    'of a newer migration is %s: this version refuses to start, in one sentence, and changes nothing',
    async (flag) => {
      const [db] = pools as [Db]
      await migrate(db)
      await db`insert into schema_migrations (name, is_breaking) values ('9999_newer.sql', ${flag})`
      await db`delete from schema_migrations where name = ${migrationNames().at(-1)!}`
      const stored = await flags(db)
      const error = await migrate(db).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(SchemaTooNewError)
      expect((error as Error).message).toMatch(
        /^[^\n]*newer version of Runmill \(9999_newer\.sql\)[^\n]*\.$/,
      )
      expect(await flags(db)).toEqual(stored)
    },
  )
})

test('every migration says in line 1 whether old workers may keep running', () => {
  for (const name of migrationNames()) {
    expect(flagOf(name), name).toMatch(/^-- (?:compatible|breaking)$/)
  }
})

function flagOf(name: string): string {
  return readFileSync(new URL(`../../migrations/${name}`, import.meta.url), 'utf8').split('\n')[0]!
}
