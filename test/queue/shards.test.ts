import { Command, Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { bullName, shardOf } from '../../src/queue/backends/shards.ts'
import { ingestLanes } from '../../src/queue/catalog.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

test('shards have the tenants evenly, and the nodes of a cluster the shards', () => {
  const shards = 8
  const tenants = Array.from({ length: 800 }, (_, i) => shardOf(`tenant ${i}`, shards))
  for (let shard = 0; shard < shards; shard++) {
    expect(Math.abs(tenants.filter((each) => each === shard).length - 100)).toBeLessThan(40)
  }
  const perNode = [0, 0, 0]
  for (const lane of ingestLanes) {
    for (let shard = 0; shard < shards; shard++) {
      const slot = new Command('exists', [`runmill:${bullName(lane, shard)}:meta`]).getSlot()
      perNode[Math.floor((slot * perNode.length) / 16_384)]! += 1
    }
  }
  for (const count of perNode) expect(Math.abs(count - 8)).toBeLessThanOrEqual(2)
})

const onRedis = testsRunOnRedis() ? [{ name: 'redis' }] : []

describe.each(onRedis)('on $name', () => {
  async function open() {
    const server = await startRedis()
    const redis = new Redis(server.url)
    onTestFinished(async () => {
      redis.disconnect()
      await server.stop()
    })
    const start = async (shards: number): Promise<QueueBackend> => {
      const queue = redisBackend({ url: server.url, shards })
      onTestFinished(() => queue.stop())
      await queue.start()
      return queue
    }
    return { redis, start }
  }

  const tenantIds = Array.from({ length: 20 }, (_, i) => `tenant ${i}`)
  const jobOf = (tenantId: string, batchId: string) => ({ ...ingestJob(batchId), tenantId })

  test('the events of a tenant are in one shard, and a lane is seen as one', async () => {
    const { redis, start } = await open()
    const queue = await start(4)
    for (const id of tenantIds) {
      await queue.enqueue('ingest', [jobOf(id, `${id} a`), jobOf(id, `${id} b`)])
    }
    const times: number[] = []
    const lists = await redis.keys('runmill:{ingest-*}:wait')
    expect(lists).toHaveLength(4)
    for (const list of lists) {
      const tenants = new Map<string, number>()
      for (const id of await redis.lrange(list, 0, -1)) {
        const job = await redis.hgetall(list.replace(/wait$/, id))
        times.push(Number(job.timestamp))
        const { tenantId } = JSON.parse(JSON.parse(job.data!) as string) as { tenantId: string }
        tenants.set(tenantId, (tenants.get(tenantId) ?? 0) + 1)
      }
      expect(new Set(tenants.values())).toEqual(new Set([2]))
    }
    expect((await queue.counts()).ingest.waiting).toBe(40)
    expect((await queue.oldest()).ingest.waiting).toBe(Math.min(...times))
    const shown = queue.board()!.map((each) => each.getName())
    expect(shown).toEqual(expect.arrayContaining(['{ingest-0}', '{ingest-3}', '{sweep-0}']))
  })

  test('another number of shards loses nothing: 4, then 2, then 1, with jobs waiting in each', async () => {
    const { start } = await open()
    const ids: string[] = []
    for (const shards of [4, 2, 1]) {
      const queue = await start(shards)
      for (const id of tenantIds) {
        ids.push(`${shards} ${id}`)
        await queue.enqueue('ingest', [jobOf(id, `${shards} ${id}`)])
      }
      await queue.stop()
    }
    const last = await start(1)
    expect((await last.counts()).ingest.waiting).toBe(60)
    const done = collector<string>()
    const take = async ({ batchId }: { batchId: string }) => done.add(batchId)
    await last.work(handlers({ ingest: take, 'ingest-backlog': take }))
    await done.until(60)
    expect(new Set(done.all)).toEqual(new Set(ids))

    // A process with more comes while the workers still have one.
    const more = await start(8)
    for (const id of tenantIds) {
      await more.enqueue('ingest', [jobOf(id, `8 ${id}`)])
      await more.enqueue('ingest-backlog', [jobOf(id, `8 backlog ${id}`)], 5)
    }
    await done.until(100)
  })

  test('workers start though Redis is full', async () => {
    const { redis, start } = await open()
    await (await start(4)).stop()
    await redis.config('SET', 'maxmemory', 1)
    await start(4)
    await start(1)
  })

  test('shards that nobody has any more are seldom looked at while they are empty', async () => {
    const { redis, start } = await open()
    await (await start(4)).stop()
    // As a minute later.
    await redis.zadd('runmill:shards', 0, 4)
    const queue = await start(1)
    await queue.work(handlers({}))
    await redis.config('SET', 'slowlog-max-len', 100_000)
    await redis.config('SET', 'slowlog-log-slower-than', 0)
    const sentWith = async (text: string) =>
      (
        (await redis.slowlog('GET', 100_000)) as [
          id: number,
          at: number,
          micros: number,
          string[],
        ][]
      )
        .map(([, , , command]) => command)
        .filter((command) => command.some((argument) => argument.includes(text))).length
    await vi.waitFor(
      async () => {
        await queue.counts()
        await queue.oldest()
        expect(await sentWith('runmill:shards')).toBeGreaterThanOrEqual(4)
      },
      { timeout: 60_000 },
    )
    // On a machine that is busy for half a minute there may be a look.
    expect(await sentWith('{ingest-3}')).toBeLessThanOrEqual(1)
  })
})
