import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { migrate, migrationNames } from '../../src/store/migrate.ts'
import {
  closePool,
  openPool,
  type Db,
  type PoolOptions,
  type Queryable,
} from '../../src/store/pool.ts'
import { findPooler } from '../../src/store/pooler.ts'
import { withReading } from '../../src/store/reading.ts'
import { openRequestPool } from '../../src/store/request-pool.ts'
import { runComposed } from '../../src/store/statements.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { startRunmill } from '../support/runmill-process.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'
import { findPgBouncers, startPgBouncer, type PgBouncer } from './pgbouncer.ts'

const run = promisify(execFile)

/* A pooler in transaction mode stands between us and Postgres: a connection is ours for a transaction at a time. */

/** How many connections to Postgres the pooler has: fewer than its clients, so that they share them. */
const connections = 3

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  const admin = openPool(database.url, { max: 1 })
  const name = new URL(database.url).pathname.slice(1)
  // The defaults of a stock server.
  await admin.unsafe(`alter database ${name} set jit = 'on'`)
  await closePool(admin)
})

afterAll(async () => {
  await database.drop()
})

test('there is no pooler before a server that is asked directly', async () => {
  expect(await findPooler(database.url)).toBeNull()
})

const programs = findPgBouncers()

describe.each(programs)('through PgBouncer $version', (program) => {
  let pgbouncer: PgBouncer
  let url: string

  beforeAll(async () => {
    pgbouncer = await startPgBouncer(program, database.url, connections)
    url = pgbouncer.through(database.url)
  })

  afterAll(async () => {
    await pgbouncer.stop()
  })

  async function open(options: PoolOptions = {}): Promise<Db> {
    return openPool(url, { ...options, pooler: await findPooler(url) })
  }

  test('it is found, and whether it keeps prepared statements', async () => {
    expect(await findPooler(url)).toEqual({ keepsStatements: program.keepsStatements })
  })

  test('every statement and every transaction has the settings of its pool, and leaves none to others', async () => {
    const pooler = await findPooler(url)
    const ingestion = openPool(url, { max: 4, pooler })
    const requests = openRequestPool(url, { max: 4, pooler })
    const own = { jit: 'off', planCacheMode: 'force_custom_plan' }
    for (let round = 0; round < 5; round++) {
      const seen = await Promise.all([
        settingsOf(ingestion),
        ingestion.begin(settingsOf),
        settingsOf(requests),
        requests.begin(settingsOf),
      ])
      const unlimited = { ...own, statementTimeout: '0', lockTimeout: '0' }
      const limited = { ...own, statementTimeout: '20s', lockTimeout: '2s' }
      expect(seen).toEqual([unlimited, unlimited, limited, limited])
    }
    await Promise.all([ingestion, requests].map(closePool))
    // A simple statement, which no pool makes settings for.
    const plain = openPool(url, { max: 1, pooler })
    expect(await plain.unsafe('show jit')).toEqual([{ jit: 'on' }])
    expect(await plain.unsafe('show lock_timeout')).toEqual([{ lockTimeout: '0' }])
    await closePool(plain)
  })

  test('statements that repeat are answered on whichever connection they get', async () => {
    const db = await open({ max: 10 })
    const answers = Array.from({ length: 300 }, async (_, n) => {
      const number = sql`-- name: number_find\n-- Reads only.\nselect ${n}::int as n`
      const read = async (on: Queryable) => runComposed(on, null, number)
      const [row] = n % 3 === 0 ? await db.begin(read) : await read(db)
      return row
    })
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 300 }, (_, n) => ({ n })))
    await closePool(db)
  })

  test('an error of one statement is its own', async () => {
    const db = await open({ max: 2 })
    const divide = async (by: number) =>
      runComposed(db, null, sql`-- name: quotient_find\n-- Reads only.\nselect 6 / ${by}::int as n`)
    for (let round = 0; round < 5; round++) {
      await expect(divide(0)).rejects.toMatchObject({ code: '22012' })
      expect(await divide(3)).toEqual([{ n: 2 }])
    }
    await closePool(db)
  })

  test('a statement whose time is over, and one that nobody waits for, end in Postgres', async () => {
    const slow = sql`-- name: sleep_find\n-- Reads only.\nselect pg_sleep(${600}::int)`
    const db = await open({ max: 1, limits: { usualMs: 300, longMs: 300 } })
    await expect(runComposed(db, null, slow)).rejects.toMatchObject({ code: 'STATEMENT_TIMEOUT' })
    await untilSleeping(0)

    const requests = openRequestPool(url, { max: 4, pooler: await findPooler(url) })
    const controller = new AbortController()
    const reading = { tenantId: 'one', signal: controller.signal, hasBegun: () => false }
    const wanted = withReading(reading, async () => runComposed(requests, null, slow))
    const refused = expect(wanted).rejects.toThrow('left')
    await untilSleeping(1)
    controller.abort(new Error('left'))
    await refused
    await untilSleeping(0)
    expect(await settingsOf(requests)).toBeDefined()
    await Promise.all([db, requests].map(closePool))
  })

  test('twenty processes that start at once migrate once, and leave no lock', async () => {
    const empty = await createEmptyDatabase()
    const through = pgbouncer.through(empty.url)
    const pooler = await findPooler(through)
    const starters = Array.from({ length: 20 }, () => openPool(through, { max: 1, pooler }))
    await Promise.all(starters.map(migrate))
    await Promise.all(starters.map(closePool))
    const admin = openPool(empty.url, { max: 1 })
    expect(await admin`select name from schema_migrations order by name`).toEqual(
      migrationNames().map((name) => ({ name })),
    )
    expect(
      await admin`select from pg_locks where locktype = 'advisory' and database = (
      select oid from pg_database where datname = current_database())`,
    ).toEqual([])
    await closePool(admin)
    await empty.drop()
  })

  test('the server refuses to start with its queues in Postgres, and says what to set', async () => {
    const refused = startRunmill({ DATABASE_URL: url })
    expect(await refused.exited).toBe(1)
    expect(refused.stderr()).toMatch(
      /^runmill: DATABASE_URL leads to a pooler .*: set REDIS_URL, or .*\.\n$/,
    )
  })

  test.runIf(testsRunOnRedis())('with Redis the server does the main job', async () => {
    const redis = await startRedis(['--maxmemory-policy', 'noeviction'])
    const [publicKey, secretKey] = ['pk-rm-pooled-key', 'sk-rm-pooled-key']
    const server = startRunmill({
      DATABASE_URL: url,
      REDIS_URL: redis.url,
      RUNMILL_INIT_PUBLIC_KEY: publicKey,
      RUNMILL_INIT_SECRET_KEY: secretKey,
    })
    const job = fileURLToPath(new URL('../../examples/main-job.mjs', import.meta.url))
    const keys = { LANGFUSE_PUBLIC_KEY: publicKey, LANGFUSE_SECRET_KEY: secretKey }
    await run(process.execPath, [job, await server.ready], { env: { ...process.env, ...keys } })
    server.signal('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(server.stdout()).not.toContain('"level":50')
    await redis.stop()
  })
})

async function settingsOf(db: Queryable): Promise<object | undefined> {
  const [row] = await runComposed(
    db,
    null,
    sql`-- name: settings_find\n-- Reads only.
      select current_setting('jit') as jit, current_setting('plan_cache_mode') as plan_cache_mode,
        current_setting('statement_timeout') as statement_timeout, current_setting('lock_timeout') as lock_timeout`,
  )
  return row
}

/** Waits until so many statements sleep in Postgres. */
async function untilSleeping(count: number): Promise<void> {
  const admin = openPool(database.url, { max: 1 })
  await vi.waitFor(
    async () =>
      expect(
        await admin`select from pg_stat_activity where datname = current_database()
        and wait_event = 'PgSleep'`,
      ).toHaveLength(count),
    { timeout: 60_000, interval: 50 },
  )
  await closePool(admin)
}
