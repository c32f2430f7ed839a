import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { dumpSchema } from '../../scripts/schema-dump.ts'
import { migrate, migrationNames, SchemaTooNewError } from '../../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts'
import { startRunmill } from '../support/runmill-process.ts'

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

test('a process that is killed in the middle of a migration leaves nothing of it, and the next start completes it', async () => {
  const [db, admin] = pools as [Db, Db]
  const empty = await dumpSchema(admin)
  // It can do the work of the first migration, and then waits for us before it can note it.
  await admin`
    create table schema_migrations (
      name text primary key, applied_at timestamptz not null default now(), is_breaking boolean
    )`
  const waiting = async () => admin`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await db.begin(async (transaction) => {
    await transaction`lock table schema_migrations in share mode`
    const killed = startRunmill({ DATABASE_URL: database.url })
    await vi.waitFor(async () => expect(await waiting()).toHaveLength(1), {
      timeout: 60_000,
      interval: 50,
    })
    killed.signal('SIGKILL')
    await killed.exited
  })
  // Its statement goes on until Postgres sees that nobody is there.
  await vi.waitFor(
    async () =>
      expect(
        await admin`select from pg_locks where locktype = 'advisory' and database = (
          select oid from pg_database where datname = current_database())`,
      ).toEqual([]),
    { timeout: 60_000, interval: 50 },
  )
  expect(await admin`select * from schema_migrations`).toEqual([])
  expect(await dumpSchema(admin)).toBe(empty)

  const next = startRunmill({ DATABASE_URL: database.url })
  await next.ready
  next.signal('SIGTERM')
  expect(await next.exited).toBe(0)
  const applied = await admin`select name from schema_migrations order by name`
  expect(applied.map((row) => row['name'])).toEqual(migrationNames())
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
