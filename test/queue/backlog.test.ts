import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type QueueBackend, QueueUnavailableError } from '../../src/queue/backend.ts'
import type { Backlog } from '../../src/queue/backlog.ts'
import { LimitError } from '../../src/domain/limit-error.ts'
import { createBacklog } from '../../src/queue/process-backlog.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import type { IngestJob, IngestLane } from '../../src/queue/catalog.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'
import { allKinds, type Bench } from './backends.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

const mebibyte = 1_048_576

function jobOf(tenantId: string, batchId: string, bytes = 0): IngestJob {
  return { ...ingestJob(batchId, bytes === 0 ? [] : ['x'.repeat(bytes)]), tenantId }
}

async function enqueueEach(backlog: Backlog, jobs: IngestJob[]): Promise<void> {
  for (const job of jobs) await backlog.enqueue('ingest', [job])
}

function jobsOf(tenantId: string, count: number): IngestJob[] {
  return Array.from({ length: count }, (_, i) => jobOf(tenantId, `${tenantId} ${i}`))
}

describe.each(allKinds)('fairness on $name', (kind) => {
  let bench: Bench
  let queue: QueueBackend
  beforeAll(async () => {
    bench = await kind.start()
  })
  afterEach(async () => queue.stop())
  afterAll(async () => bench.stop())

  async function open(namespace: string): Promise<QueueBackend> {
    queue = bench.open(namespace)
    await queue.start()
    return queue
  }

  /** Applies everything that waits. @returns for each lane, the batches in the order in which a handler got them */
  async function applyAll(count: number): Promise<Record<IngestLane, string[]>> {
    const order = { ingest: [], 'ingest-interactive': [], 'ingest-backlog': [] } as Record<
      IngestLane,
      string[]
    >
    const applied = collector<string>()
    const applyIn =
      (lane: IngestLane) =>
      async ({ batchId }: IngestJob) => {
        order[lane].push(batchId)
        applied.add(batchId)
        queue.announceApplied([batchId])
      }
    await queue.work(
      handlers({
        ingest: applyIn('ingest'),
        'ingest-interactive': applyIn('ingest-interactive'),
        'ingest-backlog': applyIn('ingest-backlog'),
      }),
    )
    await applied.until(count)
    return order
  }

  test('a job that comes after 400 of another tenant is among the first to be applied', async () => {
    await open('one')
    const backlog = createBacklog({ queue, budgetBytes: 1024 * mebibyte })
    await enqueueEach(backlog, [...jobsOf('a', 400), jobOf('b', 'b')])
    const { ingest } = await applyAll(401)
    expect(ingest).toHaveLength(17)
    expect(ingest).toContain('b')
  })

  test('a burst is applied before the backlog that another tenant had before it', async () => {
    await open('two')
    // Each job takes about a second: the 400th of a tenant stands 400 seconds behind the first.
    const backlog = createBacklog({ queue, budgetBytes: 1024 * mebibyte, firstRate: 1_300 })
    await enqueueEach(backlog, [...jobsOf('a', 400), ...jobsOf('b', 40)])
    const order = (await applyAll(440))['ingest-backlog']
    expect(order).toHaveLength(408)
    // 24 of b, as many of a, and what is handed over at once.
    expect(order.findLastIndex((batchId) => batchId.startsWith('b'))).toBeLessThan(130)
  })

  test('several jobs of one request keep their priority', async () => {
    await open('three')
    await queue.enqueue('ingest-backlog', jobsOf('late', 150), 9)
    await queue.enqueue('ingest-backlog', jobsOf('early', 2), 3)
    const order = (await applyAll(152))['ingest-backlog']
    expect(order.slice(0, 70)).toEqual(expect.arrayContaining(['early 0', 'early 1']))
  })

  test('a write that somebody waits for does not wait for those of another tenant', async () => {
    await open('four')
    const backlog = createBacklog({ queue, budgetBytes: 1024 * mebibyte })
    for (const job of jobsOf('a', 400)) await backlog.enqueue('ingest-interactive', [job])
    await backlog.enqueue('ingest-interactive', [jobOf('b', 'b')])
    const order = await applyAll(401)
    expect(order['ingest-interactive']).toHaveLength(33)
    expect(order['ingest-interactive']).toContain('b')
  })
})

describe('budget', () => {
  async function openInline() {
    const queue = inlineBackend()
    await queue.start()
    const backlog = createBacklog({ queue, budgetBytes: mebibyte })
    return { queue, backlog }
  }

  test('I7: half of it is for one tenant; the other half is still there for the others', async () => {
    const { queue, backlog } = await openInline()
    await backlog.enqueue('ingest', [jobOf('a', '1', 400_000)])
    backlog.assertRoom('a')
    await backlog.enqueue('ingest', [jobOf('a', '2', 200_000)])
    expect(() => backlog.assertRoom('a')).toThrow(LimitError)
    backlog.assertRoom('b')
    await backlog.enqueue('ingest', [jobOf('b', '3', 500_000)])
    expect(() => backlog.assertRoom('c')).toThrow('all tenants')
    queue.announceApplied(['1', '2'])
    for (const tenant of ['a', 'b', 'c']) backlog.assertRoom(tenant)
  })

  test('I7: what other processes have enqueued counts, by the number of its jobs', async () => {
    const { queue, backlog } = await openInline()
    await queue.enqueue('ingest', jobsOf('elsewhere', 100))
    await backlog.sample()
    // 100 of unknown size are taken for more than a mebibyte.
    expect(() => backlog.assertRoom('a')).toThrow('all tenants')
    await queue.work(handlers({}))
    await queue.drain()
    await backlog.sample()
    backlog.assertRoom('a')
  })

  test('what was applied without an announcement does not count for ever', async () => {
    const { queue, backlog } = await openInline()
    await backlog.enqueue('ingest', [jobOf('a', '1', 600_000)])
    expect(() => backlog.assertRoom('a')).toThrow(LimitError)
    await queue.work(handlers({}))
    await queue.drain()
    await backlog.sample()
    backlog.assertRoom('a')
  })

  test('what the queue refused does not count', async () => {
    const { queue, backlog } = await openInline()
    await queue.stop()
    const jobs = Array.from({ length: 100 }, (_, i) => jobOf('a', `${i}`, 10_000))
    await expect(backlog.enqueue('ingest', jobs)).rejects.toThrow(QueueUnavailableError)
    backlog.assertRoom('a')
  })

  test('Retry-After grows with what waits, from 5 to 30 seconds', async () => {
    const { queue } = await openInline()
    const secondsAt = async (firstRate: number) => {
      const backlog = createBacklog({ queue, budgetBytes: mebibyte, firstRate })
      await backlog.enqueue('ingest', [jobOf('a', `${firstRate}`, 600_000)])
      try {
        backlog.assertRoom('a')
      } catch (error) {
        return error instanceof LimitError ? error.retryAfterSeconds : error
      }
    }
    expect(await secondsAt(10_000_000)).toBe(5)
    expect(await secondsAt(34_000)).toBe(10)
    expect(await secondsAt(1)).toBe(30)
  })
})

// Where Redis is not installed there is none to fill.
describe.each(testsRunOnRedis() ? ['Redis'] : [])('%s with a limited memory', () => {
  test('I7: is filled up to 60 %; when it is full all the same, it refuses at once, and recovers by itself', async ({
    onTestFinished,
  }) => {
    const server = await startRedis(['--maxmemory', '32mb', '--maxmemory-policy', 'noeviction'])
    onTestFinished(() => server.stop())
    const queue = redisBackend({ url: server.url })
    await queue.start()
    onTestFinished(() => queue.stop())
    const backlog = createBacklog({ queue, budgetBytes: 1024 * mebibyte })
    await backlog.sample()
    backlog.assertRoom('a')

    // Hexadecimal digits of random bytes: the queue's compression makes them half as long.
    let stored = 0
    while (!isRefused(backlog)) {
      const data = randomBytes(50_000).toString('hex')
      await backlog.enqueue('ingest', [
        { ...ingestJob(`${stored}`, [data]), tenantId: `tenant ${stored}` },
      ])
      if (stored % 10 === 0) await backlog.sample()
      stored += 1
    }
    expect((await queue.memory())?.usedBytes).toBeLessThan(32 * mebibyte * 0.65)

    const operator = new Redis(server.url)
    onTestFinished(() => operator.disconnect())
    await operator.config('SET', 'maxmemory', '1mb')
    for (const jobs of [jobsOf('a', 1), jobsOf('a', 3)]) {
      await expect(queue.enqueue('ingest', jobs)).rejects.toThrow(/OOM|EXECABORT/)
      await expect(queue.enqueue('ingest', jobs)).rejects.toThrow(QueueUnavailableError)
    }
    expect((await queue.counts()).ingest.waiting).toBe(stored)

    await operator.config('SET', 'maxmemory', '256mb')
    await queue.enqueue('ingest', [jobOf('a', 'after', 10)])
    expect((await queue.counts()).ingest.waiting).toBe(stored + 1)
    await backlog.sample()
    backlog.assertRoom('a')
  })

  test('I6: workers wait while it is full, without asking again and again, and go on when there is room', async ({
    onTestFinished,
  }) => {
    const server = await startRedis(['--maxmemory-policy', 'noeviction'])
    onTestFinished(() => server.stop())
    const queue = redisBackend({ url: server.url })
    await queue.start()
    onTestFinished(() => queue.stop())
    await queue.enqueue('ingest', jobsOf('a', 20))
    const operator = new Redis(server.url)
    onTestFinished(() => operator.disconnect())
    await operator.config('SET', 'maxmemory', '1mb')
    await operator.config('RESETSTAT')
    const applied = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => applied.add(batchId) }))
    await setTimeout(1_000)
    const calls = /total_commands_processed:(\d+)/.exec(await operator.info('stats'))?.[1]
    expect(Number(calls)).toBeLessThan(500)
    await operator.config('SET', 'maxmemory', '256mb')
    await applied.until(20)
  })

  test('I7: intake goes on after FLUSHALL', async ({ onTestFinished }) => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const queue = redisBackend({ url: server.url })
    await queue.start()
    onTestFinished(() => queue.stop())
    const backlog = createBacklog({ queue, budgetBytes: mebibyte })
    await backlog.enqueue(
      'ingest',
      Array.from({ length: 50 }, (_, i) => jobOf('a', `${i}`, 15_000)),
    )
    expect(isRefused(backlog)).toBe(true)
    const operator = new Redis(server.url)
    await operator.flushall()
    operator.disconnect()
    await backlog.sample()
    backlog.assertRoom('a')
    const applied = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => applied.add(batchId) }))
    await backlog.enqueue('ingest', [jobOf('a', 'after')])
    await applied.until(1)
  })
})

function isRefused(backlog: Backlog): boolean {
  try {
    backlog.assertRoom('a')
    return false
  } catch (error) {
    if (error instanceof LimitError) return true
    throw error
  }
}
