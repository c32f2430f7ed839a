import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { NotReplicatedError, QueueUnavailableError } from '../../src/queue/backend.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import type { IngestLane } from '../../src/queue/catalog.ts'
import { createBacklog } from '../../src/queue/process-backlog.ts'
import { startProxy } from '../support/proxy.ts'
import { type RedisServer, startRedis, testsRunOnRedis } from '../support/redis.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

const onRedis = testsRunOnRedis() ? [{ name: 'redis' }] : []
/** A replica is sent what there is at once, and not after five seconds. */
const primarySettings = ['--repl-diskless-sync-delay', '0']
const notReplicated = {
  name: QueueUnavailableError.name,
  cause: expect.any(NotReplicatedError) as unknown,
}

async function startServer(settings: string[]): Promise<RedisServer> {
  const server = await startRedis(settings)
  onTestFinished(() => server.stop())
  return server
}

function connect(url: string): Redis {
  const client = new Redis(url)
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

async function untilFollowed(primary: Redis): Promise<void> {
  await vi.waitFor(
    async () => {
      await primary.set('mark', 'here')
      expect(await primary.wait(1, 100)).toBe(1)
    },
    { timeout: 60_000 },
  )
}

async function waitsOf(primary: Redis): Promise<number> {
  return Number(/cmdstat_wait:calls=(\d+)/.exec(await primary.info('commandstats'))?.[1] ?? 0)
}

/** Random, so that compression does not make it small. */
const largeJob = (batchId: string) => ingestJob(batchId, [randomBytes(30_000).toString('base64')])

describe.each(onRedis)('with RUNMILL_REDIS_WAIT on $name', () => {
  test('a replica that takes over has all that was acknowledged, and while it lags nothing is', async () => {
    const primary = await startServer(primarySettings)
    const link = await startProxy(primary.url)
    onTestFinished(() => link.close())
    const replica = await startServer(['--replicaof', `127.0.0.1 ${link.port}`])
    const admin = connect(primary.url)
    await untilFollowed(admin)
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const queue = redisBackend({ url: primary.url, log, isStrict: true, replicas: 1 })
    onTestFinished(() => queue.stop())
    await queue.start()
    expect(log.warn).not.toHaveBeenCalled()

    const before = await waitsOf(admin)
    const ids = Array.from({ length: 60 }, (_, i) => `${i}`)
    await Promise.all(
      ids.map((id) => {
        const jobs = [ingestJob(id), ...(Number(id) % 20 === 0 ? [largeJob(`large ${id}`)] : [])]
        return queue.enqueue(Number(id) % 2 === 0 ? 'ingest' : 'ingest-interactive', jobs)
      }),
    )
    // One for all that came while the one before was under way.
    expect((await waitsOf(admin)) - before).toBeLessThan(ids.length / 2)

    link.hang()
    // What was on its way is stored and refused, and what comes after the first refusal only refused.
    const backlog = createBacklog({ queue, budgetBytes: 1e9 })
    const waiting = async () => (await queue.counts()).ingest.waiting
    const waitingBefore = await waiting()
    await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const job = { ...ingestJob(`late ${i}`), tenantId: `tenant ${i}` }
        await expect(backlog.enqueue('ingest', [job])).rejects.toMatchObject(notReplicated)
      }),
    )
    const waitingAfter = await waiting()
    expect(waitingAfter - waitingBefore).toBeLessThanOrEqual(64)
    await expect(queue.enqueue('ingest', [ingestJob('late')])).rejects.toMatchObject(notReplicated)
    expect(await waiting()).toBe(waitingAfter)
    await primary.kill()
    await connect(replica.url).replicaof('NO', 'ONE')
    const promoted = redisBackend({ url: replica.url })
    onTestFinished(() => promoted.stop())
    await promoted.start()
    const done = collector<string>()
    const take = async ({ batchId }: { batchId: string }) => done.add(batchId)
    await promoted.work(handlers({ ingest: take, 'ingest-interactive': take }))
    const large = ids.filter((id) => Number(id) % 20 === 0).map((id) => `large ${id}`)
    await done.until(ids.length + large.length)
    expect(done.all.toSorted()).toEqual([...ids, ...large].toSorted())
  })

  test('nothing is stored where no replica follows, until one does, and the start says so', async () => {
    const primary = await startServer(primarySettings)
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const queue = redisBackend({ url: primary.url, log, replicas: 1 })
    onTestFinished(() => queue.stop())
    await queue.start()
    expect(log.warn.mock.calls).toEqual([[{}, expect.stringMatching(/has 0 replicas/)]])
    const all = ['a', 'b'].map((id) => queue.enqueue('ingest', [ingestJob(id)]))
    for (const each of all) await expect(each).rejects.toMatchObject(notReplicated)
    // What needs no replica goes on.
    await queue.nudge('aggregate', 'key', { tenantId: 't' })
    expect((await queue.counts()).aggregate.waiting).toBe(1)
    expect((await queue.counts()).ingest.waiting).toBe(0)

    await startServer(['--replicaof', `127.0.0.1 ${primary.port}`])
    await vi.waitFor(async () => queue.enqueue('ingest', [ingestJob('c')]), { timeout: 60_000 })
    expect((await queue.counts()).ingest.waiting).toBe(1)
  })

  test('jobs are stored though Redis has forgotten its scripts', async () => {
    const primary = await startServer(primarySettings)
    await startServer(['--replicaof', `127.0.0.1 ${primary.port}`])
    const admin = connect(primary.url)
    await untilFollowed(admin)
    const queue = redisBackend({ url: primary.url, replicas: 1 })
    onTestFinished(() => queue.stop())
    await queue.start()
    // Nothing is stored until a replica has answered in time, which may take a busy machine several attempts.
    await vi.waitFor(async () => queue.enqueue('ingest', [largeJob('before')]), { timeout: 60_000 })
    await admin.script('FLUSH')
    await Promise.all(['a', 'b', 'c'].map((id) => queue.enqueue('ingest', [largeJob(id)])))
    expect(await admin.keys('*:payload:*')).toHaveLength(4)
    expect((await queue.counts()).ingest.waiting).toBe(4)
  })

  test('jobs are stored once a slot of a cluster has stopped moving', async () => {
    const clustered = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
    const [first, second] = await Promise.all([startServer(clustered), startServer(clustered)])
    const [one, two] = [connect(first.url), connect(second.url)]
    await one.cluster('ADDSLOTSRANGE', 0, 16383)
    await one.cluster('MEET', '127.0.0.1', second.port)
    const other = await two.cluster('MYID')
    await vi.waitFor(
      async () => {
        expect(await one.cluster('NODES')).toContain(other)
        expect(await one.cluster('INFO')).toContain('cluster_state:ok')
      },
      { timeout: 60_000 },
    )
    const queue = redisBackend({ url: `redis-cluster://127.0.0.1:${first.port}` })
    onTestFinished(() => queue.stop())
    await queue.start()
    const slot = await one.cluster('KEYSLOT', '{ingest-0}')
    const refused = async () =>
      Number(/errorstat_EXECABORT:count=(\d+)/.exec(await one.info('errorstats'))?.[1] ?? 0)
    const requests = [[largeJob('a')], [ingestJob('b'), ingestJob('c')]]
    for (const jobs of requests) {
      // A request waits for a second or two. On a machine that is busy for longer the next one is stored.
      await vi.waitFor(
        async () => {
          await one.cluster('SETSLOT', slot, 'MIGRATING', other)
          const before = await refused()
          const enqueued = queue.enqueue('ingest', jobs)
          enqueued.catch(() => {})
          await vi.waitFor(async () => expect(await refused()).toBeGreaterThan(before), {
            timeout: 60_000,
          })
          await one.cluster('SETSLOT', slot, 'STABLE')
          await enqueued
        },
        { timeout: 60_000 },
      )
    }
    expect((await queue.counts()).ingest.waiting).toBe(3)
  })

  test('the node of a cluster that has the queue is asked for its own replicas', async () => {
    const clustered = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
    const [first, second, replica] = await Promise.all([
      startServer([...primarySettings, ...clustered]),
      startServer([...primarySettings, ...clustered]),
      startServer(clustered),
    ])
    const [one, two, three] = [first, second, replica].map(({ url }) => connect(url))
    await one!.cluster('ADDSLOTSRANGE', 0, 8191)
    await two!.cluster('ADDSLOTSRANGE', 8192, 16383)
    for (const { port } of [second, replica]) await one!.cluster('MEET', '127.0.0.1', port)
    const sees = async (node: Redis, what: string) =>
      vi.waitFor(async () => expect(await node.cluster('INFO')).toContain(what), {
        timeout: 60_000,
      })
    for (const node of [one!, two!, three!]) await sees(node, 'cluster_known_nodes:3')
    for (const node of [one!, two!]) await sees(node, 'cluster_state:ok')
    // The lanes are on both nodes, of which only one has a replica.
    const ownerOf = async (lane: IngestLane) =>
      (await one!.cluster('KEYSLOT', `{${lane}-0}`)) < 8192 ? one! : two!
    const owner = await ownerOf('ingest')
    await three!.cluster('REPLICATE', await owner.cluster('MYID'))
    await vi.waitFor(async () => expect(await owner.info()).toMatch(/state=online/), {
      timeout: 60_000,
    })
    const queue = redisBackend({ url: `redis-cluster://127.0.0.1:${first.port}`, replicas: 1 })
    onTestFinished(() => queue.stop())
    await queue.start()
    // A replica on a busy machine may take longer to tell what it has than a request waits.
    const enqueueInTime = async (...job: Parameters<typeof queue.enqueue>) =>
      vi.waitFor(async () => queue.enqueue(...job), { timeout: 60_000 })
    await Promise.all(['a', 'b', 'c'].map((id) => enqueueInTime('ingest', [largeJob(id)])))
    let refused = 0
    for (const lane of ['ingest-interactive', 'ingest-backlog'] as const) {
      const job = [ingestJob(lane)]
      if ((await ownerOf(lane)) === owner) await enqueueInTime(lane, job)
      else {
        refused += 1
        await expect(queue.enqueue(lane, job)).rejects.toMatchObject(notReplicated)
      }
    }
    expect(refused).toBeGreaterThan(0)
    await replica.kill()
    await expect(queue.enqueue('ingest', [ingestJob('d')])).rejects.toMatchObject(notReplicated)
  })
})
