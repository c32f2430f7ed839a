import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { postgresBackend } from '../src/queue/backends/postgres.ts'
import { redisBackend } from '../src/queue/backends/redis.ts'
import { runEvent } from './support/comparison-rows.ts'
import { createTestDatabase, type TestDatabase } from './support/postgres.ts'
import { startRedis, testsRunOnRedis, type RedisServer } from './support/redis.ts'
import { startRunmill, type RunmillProcess } from './support/runmill-process.ts'
import { insertTenant, type TestTenant } from './support/tenant.ts'

/** SPEC I1 Durable: kill -9 of the worker loses nothing that was acknowledged, and duplicates nothing. */

const runCount = 2000
const runsPerRequest = 50
const poisoned = 10

let database: TestDatabase
let db: Db
let redis: RedisServer | null
let processes: RunmillProcess[]
let tenant: TestTenant

beforeEach(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 2 })
  tenant = await insertTenant(db)
  redis = null
  processes = []
})

afterEach(async () => {
  for (const each of processes) {
    each.signal('SIGKILL')
    await each.exited
  }
  await closePool(db)
  await redis?.stop()
  await database.drop()
})

describe.each(testsRunOnRedis() ? ['postgres', 'redis'] : ['postgres'])('I1 on %s', (queue) => {
  test(`kill -9 of the worker in the middle of ${runCount} posted runs: all rows are there, none twice`, async () => {
    if (queue === 'redis') redis = await startRedis(['--maxmemory-policy', 'noeviction'])
    const settings = {
      DATABASE_URL: database.url,
      ...(redis === null ? {} : { REDIS_URL: redis.url }),
    }
    const url = await start({ ...settings, ROLE: 'api' }).ready
    const worker = start({ ...settings, ROLE: 'worker' })
    await worker.ready

    const other = await insertTenant(db)
    const ids: string[] = []
    while (ids.length < runCount) {
      ids.push(...(await postRuns(url)))
      // The worker is killed while it has jobs in progress, and the API continues to accept runs.
      if (ids.length === runCount / 2) {
        await vi.waitUntil(async () => (await countRuns()) > 0, 120_000)
        await enqueuePoison(other.id)
        worker.signal('SIGKILL')
        await worker.exited
      }
    }
    const before = await countRuns()
    expect(before).toBeLessThan(runCount)

    await start({ ...settings, ROLE: 'worker' }).ready
    await vi.waitUntil(async () => (await countRuns()) >= runCount, {
      timeout: 300_000,
      interval: 200,
    })
    const rows = await db<{ id: string; status: string }[]>`
      select id, status from runs where tenant_id = ${tenant.id} order by id`
    // SPEC I5: neighbours of poison are applied, and what was dead-lettered before the kill is not dead-lettered again.
    await vi.waitUntil(async () => (await countRuns(other.id)) === poisoned, 120_000)
    await vi.waitUntil(async () => (await countLetters()) === poisoned, 120_000)
    expect(rows.map((row) => row.id)).toEqual(ids.toSorted())
    expect(new Set(rows.map((row) => row.status))).toEqual(new Set(['success']))
    expect(await countLetters()).toBe(poisoned)
    const sums = await db`
      select sum(run_count)::bigint as n from traces where tenant_id = ${tenant.id}`
    expect(sums).toEqual([{ n: runCount }])
    // Node warns the operator when a dependency uses something deprecated.
    for (const { stderr } of processes) expect(stderr()).not.toContain('DeprecationWarning')
  }, 600_000)
})

function start(environment: Record<string, string>): RunmillProcess {
  const started = startRunmill(environment)
  processes.push(started)
  return started
}

async function countRuns(tenantId = tenant.id): Promise<number> {
  const [row] = await db<{ n: number }[]>`
    select count(*) as n from runs where tenant_id = ${tenantId}`
  return row!.n
}

async function countLetters(): Promise<number> {
  const [row] = await db<{ n: number }[]>`select count(*) as n from dead_letters`
  return row!.n
}

/** Jobs of one event that the database refuses and one that it takes. */
async function enqueuePoison(tenantId: string): Promise<void> {
  const queue =
    redis === null ? postgresBackend({ url: database.url }) : redisBackend({ url: redis.url })
  await queue.start()
  const at = '2026-01-01T00:00:00.000000Z'
  const event = (patch: object) => {
    const id = randomUUID()
    const whole = { traceId: id, name: 'run', startTime: at, createdAt: at }
    const runType = 'chain' as const
    return runEvent(id, { ...whole, runType, ...patch })
  }
  for (let i = 0; i < poisoned; i += 1) {
    const events = [event({ inputs: 'not json' }), event({})]
    await queue.enqueue('ingest', [{ batchId: randomUUID(), tenantId, receivedAt: at, events }])
  }
  await queue.stop()
}

/**
 * Posts each run, and patches it in the same body.
 * @returns the ids that were acknowledged
 */
async function postRuns(url: string): Promise<string[]> {
  const now = Date.now()
  const runs = Array.from({ length: runsPerRequest }, () => ({
    id: randomUUID(),
    name: 'run',
    run_type: 'chain',
    start_time: now,
    inputs: { text: 'x'.repeat(500) },
  }))
  const body = JSON.stringify({
    post: runs,
    patch: runs.map(({ id }) => ({ id, end_time: now + 1000, outputs: { ok: true } })),
  })
  const headers = { 'x-api-key': tenant.secretKey, 'content-type': 'application/json' }
  const post = async () =>
    (await fetch(`${url}/runs/batch`, { method: 'POST', headers, body })).status
  // A queue that does not answer in time leads to a 503, and clients come again.
  const status = await vi.waitUntil(
    async () => {
      const answered = await post()
      return answered === 503 ? null : answered
    },
    { timeout: 120_000, interval: 500 },
  )
  expect(status).toBe(202)
  return runs.map(({ id }) => id)
}
