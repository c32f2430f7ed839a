import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { QueueUnavailableError, type QueueBackend } from '../../src/queue/backend.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

/** Random, so that compression does not make it small. */
const large = (batchId: string) => ingestJob(batchId, [randomBytes(30_000).toString('base64')])

async function open() {
  const server = await startRedis()
  const queue = redisBackend({ url: server.url })
  await queue.start()
  const redis = new Redis(server.url)
  onTestFinished(async () => {
    await queue.stop()
    redis.disconnect()
    await server.stop()
  })
  const payloads = async () => redis.keys('*:payload:*')
  return { queue, redis, payloads }
}

async function drained(queue: QueueBackend): Promise<void> {
  await expect
    .poll(async () => (await queue.counts()).ingest, { timeout: 60_000 })
    .toMatchObject({ waiting: 0, active: 0, delayed: 0 })
}

const onRedis = testsRunOnRedis() ? [{ name: 'redis' }] : []

describe.each(onRedis)('large payloads on $name', () => {
  test('stand beside the jobs, compressed or not, and go with them', async () => {
    const { queue, redis, payloads } = await open()
    const text = ingestJob('text', ['what compresses well '.repeat(5_000)])
    expect(await queue.enqueue('ingest', [text], 0, true)).toBeGreaterThan(100_000)
    expect(await queue.enqueue('ingest', [text])).toBeLessThan(10_000)
    const jobs = ['a', 'b', 'c'].map(large)
    await queue.enqueue('ingest', jobs, 0, true)
    await queue.enqueue('ingest', [ingestJob('small')], 0, true)
    const keys = await payloads()
    expect(keys).toHaveLength(5)
    const sizes = await Promise.all(keys.map((key) => redis.strlen(key)))
    expect(Math.max(...sizes)).toBeGreaterThan(100_000)

    const seen = collector<string>()
    await queue.work(handlers({ ingest: async (job) => seen.add(JSON.stringify(job)) }))
    await seen.until(5)
    await drained(queue)

    const given = [text, text, ...jobs, ingestJob('small')].map((job) => JSON.stringify(job))
    expect(seen.all.toSorted()).toEqual(given.toSorted())
    expect(await payloads()).toEqual([])
  })

  test('of a job that was worked off before its end was lost are not missed', async () => {
    const { queue, redis, payloads } = await open()
    await queue.enqueue('ingest', [large('done before')])
    await redis.del(...(await payloads()))
    const seen = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => seen.add(batchId) }))
    await drained(queue)
    expect(seen.all).toEqual([])
  })

  test('of a job that failed wait for its next attempt', async () => {
    const { queue, payloads } = await open()
    await queue.enqueue('ingest', [large('fails once')], 0, true)
    let attempts = 0
    const seen = collector<string>()
    const ingest = async ({ batchId }: { batchId: string }) => {
      attempts += 1
      if (attempts === 1) throw new Error('not yet')
      seen.add(batchId)
    }
    await queue.work(handlers({ ingest }))
    await seen.until(1)
    await drained(queue)
    expect(attempts).toBe(2)
    expect(await payloads()).toEqual([])
  })

  test('are not left behind where their jobs are refused', async () => {
    const { queue, redis, payloads } = await open()
    await redis.config('SET', 'maxmemory', '1')
    for (const jobs of [[large('one')], [large('two'), large('three')]]) {
      await expect(queue.enqueue('ingest', jobs, 0, true)).rejects.toThrow(QueueUnavailableError)
    }
    await redis.config('SET', 'maxmemory', '0')
    expect(await payloads()).toEqual([])
    expect((await queue.counts()).ingest.waiting).toBe(0)
  })
})
