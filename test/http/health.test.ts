import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { createHealthState, type HealthState } from '../../src/http/health/health.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { closePool, type Db, openPool } from '../../src/store/pool.ts'
import { durableKinds } from '../queue/backends.ts'
import { handlers, ingestJob } from '../queue/handlers.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** What an API process without workers reports, with a clock that the test sets forward. */
async function apiHealth(
  queue: QueueBackend,
  given?: Db,
): Promise<
  HealthState & {
    now(): string
    advance(ms: number): void
    series(name: string): Promise<string[]>
  }
> {
  let db = given
  if (db === undefined) {
    const database = await createTestDatabase()
    db = openPool(database.url, { max: 1 })
    closing.push(
      async () => database.drop(),
      async () => closePool(db!),
    )
  }
  // Ahead of the queue's own clock, however long the test takes.
  let time = Date.now() + 3_600_000
  const now = (): string => fromEpochMs(time)!
  const clock = { ...systemClock, now }
  const metrics = createMetrics()
  const state = createHealthState({ db, queue, clock, metrics, progress: null, hearsApplied: true })
  return {
    ...state,
    now,
    advance: (ms) => {
      time += ms
    },
    series: async (name) =>
      (await state.metrics()).text.split('\n').filter((line) => line.startsWith(name)),
  }
}

async function started(queue: QueueBackend): Promise<QueueBackend> {
  closing.push(async () => queue.stop())
  await queue.start()
  return queue
}

describe.each(durableKinds)('an API process, with its queue on $name', (kind) => {
  test('is not ready when the workers of another process have finished nothing for half a minute, and recovers', async () => {
    const bench = await kind.start()
    closing.push(async () => bench.stop())
    const queue = await started(bench.open('health'))
    const workers = await started(bench.open('health'))
    const api = await apiHealth(queue)
    expect(await api.readiness()).toEqual({ ready: true, problems: [] })

    let release = (): void => {}
    const frozen = new Promise<void>((resolve) => {
      release = resolve
    })
    await workers.work(handlers({ ingest: async () => frozen }))
    const receivedAt = new Date().toISOString()
    await queue.enqueue('ingest', [{ ...ingestJob('a'), receivedAt }])
    await expect.poll(async () => (await queue.counts()).ingest.active).toBe(1)
    expect((await api.readiness()).ready).toBe(true)
    api.advance(29_000)
    expect((await api.readiness()).ready).toBe(true)
    // More that arrives is no progress.
    await queue.enqueue('ingest', [{ ...ingestJob('b'), receivedAt }])
    api.advance(3_000)
    const { ready, problems } = await api.readiness()
    expect(ready).toBe(false)
    expect(problems).toEqual([
      expect.stringMatching(/^workers: nothing was finished for \d+ s, and 2 jobs wait$/),
    ])
    const [stalled] = await api.series('runmill_queue_stalled_seconds')
    expect(Number(stalled!.split(' ')[1])).toBeGreaterThanOrEqual(32)
    const [age] = await api.series(
      'runmill_queue_oldest_age_seconds{queue="ingest",state="active"}',
    )
    expect(Number(age!.split(' ')[1])).toBeGreaterThanOrEqual(32)

    release()
    await expect.poll(async () => (await api.readiness()).ready).toBe(true)
    await expect
      .poll(async () => api.series('runmill_queue_oldest_age_seconds{queue="ingest"'))
      .toEqual([
        'runmill_queue_oldest_age_seconds{queue="ingest",state="waiting"} 0',
        'runmill_queue_oldest_age_seconds{queue="ingest",state="active"} 0',
        'runmill_queue_oldest_age_seconds{queue="ingest",state="delayed"} 0',
      ])
  })
})

test('a queue that was emptied is told of for an hour, by a process that stays ready', async () => {
  const [kind] = durableKinds
  const bench = await kind!.start()
  closing.push(async () => bench.stop())
  const queue = await started(bench.open('health'))
  // How it is found out is tested in test/queue/emptied.test.ts.
  const losses = vi.spyOn(queue, 'losses')
  const api = await apiHealth(queue)
  const lastAt = Date.parse(api.now())
  losses.mockReturnValue({ emptied: 0, schedulesRepaired: 2, lastAt })
  expect(await api.readiness()).toEqual({ ready: true, problems: [] })
  losses.mockReturnValue({ emptied: 1, schedulesRepaired: 2, lastAt })
  expect(await api.readiness()).toEqual({
    ready: true,
    problems: [expect.stringMatching(/^queue: it was emptied or set back \d+ s ago: events /)],
  })
  api.advance(3_700_000)
  expect(await api.readiness()).toEqual({ ready: true, problems: [] })
})

test('what is asked at the same time is collected once', async () => {
  const [kind] = durableKinds
  const bench = await kind!.start()
  closing.push(async () => bench.stop())
  const queue = await started(bench.open('health'))
  const counts = vi.spyOn(queue, 'counts')
  const api = await apiHealth(queue)
  const answers = [api.readiness(), api.readiness(), api.metrics(), api.metrics()] as const
  const [first, second, text, text2] = await Promise.all(answers)
  expect(first).toBe(second)
  expect(text).toBe(text2)
  expect(text.text).toContain('runmill_datastore_up{datastore="postgres"} 1')
  expect(counts).toHaveBeenCalledOnce()
})

test('while the queue and Postgres are silent the metrics are answered without them, and readiness tells both', async () => {
  // It takes connections, and says nothing.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const db = openPool(`postgres://u:p@127.0.0.1:${port}/d`, {
    max: 1,
    limits: { usualMs: 2000, longMs: 2000 },
  })
  closing.push(
    async () => silent.close(),
    async () => closePool(db),
  )
  const never = async (): Promise<never> => new Promise(() => {})
  const [kind] = durableKinds
  const bench = await kind!.start()
  closing.push(async () => bench.stop())
  const queue = await started(bench.open('health'))
  const hanging = { ...queue, counts: never, ping: never }
  const api = await apiHealth(hanging, db)
  const readiness = api.readiness()
  // The look has not ended yet, or this would show what it had seen.
  expect(await api.series('runmill_datastore_up')).toEqual([])
  expect(await readiness).toEqual({
    ready: false,
    problems: [
      expect.stringMatching(/^postgres: .*no answer within/i),
      expect.stringMatching(/^queue: .*no answer within/),
    ],
  })
  const text = await api.series('runmill_')
  expect(text).toContain('runmill_datastore_up{datastore="queue"} 0')
  expect(text.filter((line) => line.startsWith('runmill_queue_jobs'))).toEqual([])
})

test.each(testsRunOnRedis() ? ['Redis'] : [])(
  'a Redis whose memory is full is told, with how full it is',
  async () => {
    const server = await startRedis()
    closing.push(async () => server.stop())
    const queue = await started(redisBackend({ url: server.url }))
    const api = await apiHealth(queue)
    expect(await api.series('runmill_queue_memory_bytes')).toEqual([])
    const operator = new Redis(server.url)
    closing.push(async () => operator.quit())
    await operator.config('SET', 'maxmemory', '1mb')
    expect((await api.readiness()).problems).toEqual([
      expect.stringMatching(/^queue: its memory is full \(\d+ MiB of 1 MiB\)$/),
    ])
    expect(await api.series('runmill_queue_memory_bytes')).toEqual([
      expect.stringMatching(/^runmill_queue_memory_bytes\{kind="used"\} \d+$/),
      'runmill_queue_memory_bytes{kind="max"} 1048576',
    ])
    await operator.config('SET', 'maxmemory', '1gb')
    expect(await api.readiness()).toEqual({ ready: true, problems: [] })
  },
)
