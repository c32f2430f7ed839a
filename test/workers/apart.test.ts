import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { createHealthState } from '../../src/http/health/health.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { queues, type IngestJob } from '../../src/queue/catalog.ts'
import { closePool, type Db, openPool } from '../../src/store/pool.ts'
import { buildHandlers } from '../../workers/index.ts'
import { createProgress, type WorkerProgress } from '../../workers/progress.ts'
import { type Bench, durableKinds } from '../queue/backends.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

/** Of each tenant, so that those of two are more than may wait in a lane. */
const many = queues.ingest.concurrency / 2
/** Of a tenant, as many as may wait in a lane, so that none goes back to the queue. */
const few = queues.ingest.concurrency / 8
const rounds = 15
const patiently = { timeout: 120_000, interval: 20 }
const lockId = 7301
/** What hangs is found sooner than in a real server, where full batches need longer. */
const patienceMs = 500

function jobOf(tenantId: string): IngestJob {
  const at = systemClock.now()
  const id = randomUUID()
  const event: IngestEvent = {
    kind: 'run',
    id,
    externalId: null,
    version: eventVersion('create', at, id),
    patch: { traceId: id, name: 'run', startTime: at },
  }
  return { batchId: randomUUID(), tenantId, receivedAt: at, events: [event] }
}

/** What does not depend on the backend runs on one of them. */
const kinds = durableKinds.map((kind, i) => ({ ...kind, isThorough: i === 0 }))

describe.each(kinds)('I6 on $name, tenants whose part of the database', ({ start, isThorough }) => {
  let bench: Bench
  let db: Db
  let queue: QueueBackend
  let progress: WorkerProgress
  let handlers: ReturnType<typeof buildHandlers>
  const messages: string[] = []
  const errors: string[] = []
  const closing: (() => Promise<void>)[] = []

  beforeEach(async () => {
    messages.length = 0
    errors.length = 0
    const database = await createTestDatabase()
    db = openPool(database.url, { max: 10 })
    bench = await start()
    closing.push(
      async () => database.drop(),
      async () => bench.stop(),
      async () => closePool(db),
      async () => queue.stop(),
    )
    await startWorkers()
  })
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })

  async function startWorkers(): Promise<void> {
    queue = bench.open('apart')
    progress = createProgress(systemClock)
    const tell = ({ err }: { err?: unknown }, message: string): void => {
      messages.push(message)
      if (err instanceof Error) errors.push(err.message)
    }
    const log = { info: tell, warn: tell, error: tell }
    await queue.start()
    handlers = buildHandlers({ db, queue, clock: systemClock, log, progress }, { patienceMs })
    await queue.work(handlers)
  }

  /** Makes writing runs of some tenants do something else first. */
  async function breakRunsOf(tenantIds: string[], statement: string): Promise<void> {
    const list = tenantIds.map((id) => `'${id}'`).join(', ')
    await db.unsafe(`
      create function break_runs() returns trigger language plpgsql as $$
      begin ${statement}; return new; end $$;
      create trigger break_runs before insert on runs for each row
        when (new.tenant_id in (${list})) execute function break_runs()`)
  }

  async function enqueue(tenantId: string, count: number): Promise<void> {
    await queue.enqueue(
      'ingest',
      Array.from({ length: count }, () => jobOf(tenantId)),
    )
  }

  async function runCount(tenantId: string): Promise<number> {
    const [row] = await db<{ n: number }[]>`
      select count(*) as n from runs where tenant_id = ${tenantId}`
    return row!.n
  }

  /** Two tenants send job after job, each when the one before it is applied. */
  async function sendSteadily(tenantIds: string[]): Promise<void> {
    await Promise.all(
      tenantIds.map(async (tenantId) => {
        for (let round = 1; round <= rounds; round++) {
          await enqueue(tenantId, 1)
          await vi.waitUntil(async () => (await runCount(tenantId)) === round, patiently)
        }
      }),
    )
  }

  async function tenantIdsOf(count: number): Promise<string[]> {
    const ids: string[] = []
    while (ids.length < count) ids.push((await insertTenant(db)).id)
    return ids
  }

  async function expectReadyAndTold(tenants: number, jobs: number): Promise<void> {
    // What is tried comes and goes; all else waits in the queue, and takes no memory.
    await vi.waitUntil(async () => {
      const { ingest } = await queue.counts()
      return ingest.waiting === 0 && ingest.active === 0 && ingest.delayed === tenants * jobs
    }, patiently)
    expect(progress.lanes().map(({ held }) => held)).toEqual([0, 0, 0])
    const metrics = createMetrics()
    const health = createHealthState({ db, queue, clock: systemClock, progress, metrics })
    const told = `workers: tenants that are set apart, because others are applied and they are not: ${tenants}`
    expect(await health.readiness()).toEqual({ ready: true, problems: [told] })
    expect((await metrics.collect()).text).toContain(`runmill_tenants_apart ${tenants}\n`)
  }

  async function expectAllApplied(tenantIds: string[], count: number): Promise<void> {
    for (const id of tenantIds) {
      await vi.waitUntil(async () => (await runCount(id)) === count, patiently)
    }
    await vi.waitUntil(() => progress.tenantsApart() === 0, patiently)
    expect(await db`select reason from dead_letters`).toEqual([])
  }

  test('fails in whatever way delay no other, and are applied when it is back', async () => {
    const [first, second, third, ...others] = await tenantIdsOf(5)
    const broken = [first!, second!, third!]
    await breakRunsOf(
      broken,
      `raise exception 'the node is away' using errcode = case new.tenant_id
        when '${first}' then '08006' when '${second}' then 'XX000' else '57P01' end`,
    )
    for (const id of broken) await enqueue(id, few)
    await sendSteadily(others)
    await expectReadyAndTold(3, few)
    expect(messages.filter((message) => message.startsWith('tenant set apart'))).toHaveLength(3)

    await db`drop function break_runs cascade`
    await expectAllApplied(broken, few)
  })

  if (!isThorough) return

  const wait = `perform pg_advisory_xact_lock_shared(${lockId})`
  test.each([
    ['hangs', wait],
    // As a coordinator does that waits for a node.
    [
      'hangs, however long it was given,',
      `begin ${wait}; exception when query_canceled then ${wait}; end`,
    ],
  ])(
    '%s delay no other, and are applied when it goes on and the process was started again',
    async (_, statement) => {
      const [first, second, ...others] = await tenantIdsOf(4)
      const broken = [first!, second!]
      await breakRunsOf(broken, statement)
      const holder = await db.reserve()
      await holder`select pg_advisory_lock(${lockId})`
      for (const id of broken) await enqueue(id, many)
      await sendSteadily(others)
      await expectReadyAndTold(2, many)

      await queue.stop()
      expect(await Promise.all(broken.map(runCount))).toEqual([0, 0])
      await holder`select pg_advisory_unlock(${lockId})`
      holder.release()
      await startWorkers()
      await expectAllApplied(broken, many)
    },
  )

  test('fails while that of all others does are not set apart', async () => {
    const tenantIds = await tenantIdsOf(2)
    for (const id of tenantIds) await enqueue(id, 1)
    await expectAllApplied(tenantIds, 1)
    await breakRunsOf(tenantIds, `raise exception 'all are away' using errcode = '08006'`)
    for (const id of tenantIds) await enqueue(id, few)
    await vi.waitUntil(() => progress.lanes()[0]!.signs >= 10, patiently)
    expect(new Set(messages)).toEqual(new Set(['database unavailable, waiting']))
    expect(progress.tenantsApart()).toBe(0)

    await db`drop function break_runs cascade`
    await expectAllApplied(tenantIds, few + 1)
  })

  test('is slow are given longer, and are not set apart', async () => {
    const [slow, ...others] = await tenantIdsOf(3)
    // One alone takes longer than a batch may at first.
    await breakRunsOf([slow!], 'perform pg_sleep(0.55)')
    await Promise.all([enqueue(slow!, 3), sendSteadily(others)])
    await expectAllApplied([slow!], 3)
    expect(errors).toContain('canceling statement due to statement timeout')
    expect(messages.filter((message) => message.startsWith('tenant set apart'))).toEqual([])
  })

  test('hangs are given up sooner when they are many in a batch', async () => {
    const [large, ...light] = await tenantIdsOf(5)
    await breakRunsOf(
      light,
      `raise exception 'may take %', current_setting('statement_timeout') using errcode = '57014'`,
    )
    const stopping = new AbortController()
    const context = { signal: stopping.signal, places: queues.ingest.concurrency }
    // What comes at once, and is little, is one batch.
    const jobs = [...Array.from({ length: many }, () => large!), ...light].map(jobOf)
    const ended = Promise.allSettled(jobs.map(async (job) => handlers.ingest(job, context)))
    await vi.waitUntil(() => errors.length >= light.length, patiently)
    stopping.abort()
    await ended
    const told = ['may take 100ms', 'may take 100ms', 'may take 100ms', 'may take 500ms']
    expect(errors.slice(0, light.length).toSorted()).toEqual(told)
  })
})
