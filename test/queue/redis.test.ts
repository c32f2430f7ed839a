import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { QueueUnavailableError, type QueueBackend } from '../../src/queue/backend.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { parseRedisUrl } from '../../src/queue/backends/redis-url.ts'
import { findFreePort } from '../support/free-port.ts'
import { startProxy } from '../support/proxy.ts'
import { type RedisServer, spawnRedis, startRedis, testsRunOnRedis } from '../support/redis.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

describe('parseRedisUrl', () => {
  test.each([
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['redis://10.0.0.1:7000/3', { host: '10.0.0.1', port: 7000, db: 3 }],
    ['redis://[::1]:6380', { host: '::1', port: 6380 }],
    ['redis://:p%40ss@h', { host: 'h', port: 6379, password: 'p@ss' }],
    [
      'rediss://me:secret@h:1/',
      { host: 'h', port: 1, username: 'me', password: 'secret', tls: {} },
    ],
    [
      'redis-sentinel://:pw@s1,s2:5000/mymaster/2',
      {
        name: 'mymaster',
        db: 2,
        password: 'pw',
        sentinels: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 5000 },
        ],
      },
    ],
    [
      'rediss-sentinel://s1/mymaster',
      {
        name: 'mymaster',
        sentinels: [{ host: 's1', port: 26379 }],
        tls: {},
        sentinelTLS: {},
        enableTLSForSentinelMode: true,
      },
    ],
  ])('reads %s', (url, options) => {
    expect(parseRedisUrl(url)).toEqual({ kind: 'single', options })
  })

  test('reads a cluster', () => {
    expect(parseRedisUrl('rediss-cluster://me:pw@h1:7000,h2')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'h1', port: 7000 },
        { host: 'h2', port: 6379 },
      ],
      options: { username: 'me', password: 'pw', tls: {} },
    })
  })

  test.each([
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://secret@h1,secret2',
    'redis://h/secret',
    'redis-cluster://h1,h2/secret',
    'redis-sentinel://h1,secret',
    'redis://:secret@h:port',
  ])('refuses %s without repeating it', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/^(?!.*secret).+\.$/s)
  })
})

async function startServer(settings?: string[]): Promise<RedisServer> {
  const server = await startRedis(settings)
  onTestFinished(() => server.stop())
  return server
}

const onRedis = testsRunOnRedis() ? [{ name: 'redis' }] : []

describe.each(onRedis)('$name', () => {
  test('kill -9 of the server and a restart lose no acknowledged job, and work resumes by itself', async () => {
    const server = await startServer()
    const api = redisBackend({ url: server.url })
    const worker = redisBackend({ url: server.url })
    await Promise.all([api.start(), worker.start()])
    const done = collector<string>()
    let goOn = () => {}
    const restarted = new Promise<void>((resolve) => {
      goOn = resolve
    })
    // Some jobs run and the others wait while the server dies.
    await worker.work(
      handlers({ ingest: ({ batchId }) => restarted.then(() => done.add(batchId)) }),
    )

    const acknowledged: string[] = []
    let refused = 0
    let offered = 0
    const offer = async () => {
      offered += 1
      const ids = [`${offered} a`, `${offered} b`]
      try {
        await api.enqueue(
          'ingest',
          ids.map((id) => ingestJob(id)),
        )
        acknowledged.push(...ids)
      } catch (error) {
        expect(error).toBeInstanceOf(QueueUnavailableError)
        refused += 1
      }
    }
    for (let round = 0; round < 50; round += 1) await offer()
    const underWay = Array.from({ length: 50 }, offer)
    await server.kill()
    await Promise.all(underWay)
    await offer()
    expect(refused).toBeGreaterThan(0)

    await server.start()
    goOn()
    const before = acknowledged.length
    await vi.waitFor(
      async () => {
        await offer()
        expect(acknowledged.length).toBeGreaterThan(before)
      },
      { timeout: 60_000, interval: 20 },
    )
    await vi.waitFor(
      () => expect(new Set(done.all)).toEqual(new Set([...acknowledged, ...done.all])),
      {
        timeout: 60_000,
      },
    )
    await Promise.all([api.stop(), worker.stop()])
  })

  test('connections on which nothing arrives any more are replaced: of producer, workers and subscriber', async () => {
    const server = await startServer()
    const proxy = await startProxy(server.url)
    const [near, far] = [
      redisBackend({ url: server.url }),
      redisBackend({ url: proxy.through(server.url) }),
    ]
    await Promise.all([near.start(), far.start()])
    const done = collector<string>()
    await far.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
    const watch = far.watchApplied('x')
    await near.enqueue('ingest', [ingestJob('before')])
    await done.until(1)

    proxy.forget()
    await near.enqueue('ingest', [ingestJob('after')])
    await done.until(2)
    await vi.waitFor(() => far.enqueue('ingest', [ingestJob('from there')]), { timeout: 60_000 })
    await done.until(3)
    await vi.waitFor(
      async () => {
        near.announceApplied(['x'])
        expect(await watch.wait(100)).toBe(true)
      },
      { timeout: 60_000 },
    )
    watch.cancel()
    await Promise.all([near.stop(), far.stop()])
    await proxy.close()
  })

  test('a full server takes none of the jobs', async () => {
    const server = await startServer()
    const queue = redisBackend({ url: server.url })
    await queue.start()
    const admin = new Redis(server.url)
    await queue.enqueue('ingest', [ingestJob('1'), ingestJob('2')])
    await admin.config('SET', 'maxmemory', '1')
    await expect(queue.enqueue('ingest', [ingestJob('3'), ingestJob('4')])).rejects.toThrow(
      QueueUnavailableError,
    )
    await expect(queue.enqueue('ingest', [ingestJob('5')])).rejects.toThrow(QueueUnavailableError)
    await admin.config('SET', 'maxmemory', '0')
    expect((await queue.counts()).ingest.waiting).toBe(2)
    await admin.quit()
    await queue.stop()
  })

  test.each([
    [['--maxmemory-policy', 'allkeys-lru'], /noeviction/],
    [['--appendonly', 'no'], /appendonly/],
    [['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-info'], /does not say/],
    [['--maxmemory-policy', 'volatile-lru', '--appendonly', 'no'], /volatile-lru.*appendonly/],
  ])('start warns about a server with %s, or refuses it', async (settings, warning) => {
    const server = await startServer(settings)
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const queue = redisBackend({ url: server.url, log })
    await queue.start()
    await queue.enqueue('ingest', [ingestJob('works all the same')])
    expect(log.warn.mock.calls).toEqual([[{}, expect.stringMatching(warning)]])
    await queue.stop()

    const strict = redisBackend({ url: server.url, log, isStrict: true })
    await expect(strict.start()).rejects.toThrow(warning)
    await strict.stop()
  })

  test('start warns about replicas that may lag, or refuses them, unless writes need one', async () => {
    const server = await startServer()
    const replica = await startServer(['--replicaof', `127.0.0.1 ${server.port}`])
    const admin = new Redis(server.url)
    const hasReplica = async () => expect(await admin.info()).toContain('connected_slaves:1')
    await vi.waitFor(hasReplica, { timeout: 60_000 })
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const strict = redisBackend({ url: server.url, log, isStrict: true })
    await expect(strict.start()).rejects.toThrow('RUNMILL_REDIS_WAIT')
    await strict.stop()
    await admin.config('SET', 'min-replicas-to-write', '1')
    const queue = redisBackend({ url: server.url, log, isStrict: true })
    await queue.start()
    expect(log.warn).not.toHaveBeenCalled()
    await queue.stop()
    await replica.stop()
    await admin.quit()
  })

  test('start says nothing about a server that keeps what it takes', async () => {
    const server = await startServer()
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const queue = redisBackend({ url: server.url, log })
    await queue.start()
    expect(log.warn).not.toHaveBeenCalled()
    await queue.stop()
  })

  test('runs on a Redis Cluster', async () => {
    const server = await startServer([
      '--cluster-enabled',
      'yes',
      '--cluster-announce-ip',
      '127.0.0.1',
    ])
    const admin = new Redis(server.url)
    await admin.cluster('ADDSLOTSRANGE', 0, 16383)
    await vi.waitFor(async () => expect(await admin.cluster('INFO')).toMatch(/cluster_state:ok/), {
      timeout: 60_000,
    })
    await admin.quit()
    await expectToWork(`redis-cluster://127.0.0.1:${server.port}`)
  })

  test('runs on the master that sentinels name', async () => {
    const server = await startServer()
    const dir = await mkdtemp(join(tmpdir(), 'runmill-sentinel-'))
    const port = await findFreePort()
    const file = join(dir, 'sentinel.conf')
    await writeFile(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${dir}\nsentinel monitor main 127.0.0.1 ${server.port} 1\n`,
    )
    const sentinel = await spawnRedis([file, '--sentinel'])
    onTestFinished(async () => {
      sentinel.kill('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    })
    await expectToWork(`redis-sentinel://127.0.0.1:${port}/main`)
  })
})

async function expectToWork(url: string): Promise<void> {
  const [api, worker] = [redisBackend({ url }), redisBackend({ url })]
  await Promise.all([api.start(), worker.start()])
  const done = collector<string>()
  await worker.work(
    handlers({
      ingest: async ({ batchId }) => {
        done.add(batchId)
        worker.announceApplied([batchId])
      },
    }),
  )
  const watch = api.watchApplied('c')
  await api.schedule('sweep', 'all', 60_000, {})
  await api.nudge('aggregate', 'key', { tenantId: 't' }, 60_000)
  await api.enqueue('ingest', [ingestJob('a'), ingestJob('b')])
  await api.enqueue('ingest', [ingestJob('c')])
  await done.until(3)
  expect(await watch.wait(60_000)).toBe(true)
  watch.cancel()
  expect((await api.counts()).aggregate.delayed).toBe(1)
  await Promise.all([api.stop(), worker.stop()])
}

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
    const [payload] = await payloads()
    await redis.hset(payload!.replace(':payload:', ':'), 'ats', '1')
    await redis.del(payload!)
    const seen = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => seen.add(batchId) }))
    await drained(queue)
    expect(seen.all).toEqual([])
    expect(queue.losses().emptied).toBe(0)
  })

  test.each([
    { job: 'nobody has taken', attempts: 0 },
    { job: 'was given back each time', attempts: 3 },
  ])('of a job that $job are lost when they are gone, which is told', async ({ attempts }) => {
    const { queue, redis, payloads } = await open()
    await queue.enqueue('ingest', [large('lost')])
    const [payload] = await payloads()
    await redis.hset(payload!.replace(':payload:', ':'), { ats: attempts, atm: attempts })
    await redis.del(payload!)
    await queue.work(handlers({ ingest: async () => {} }))
    await drained(queue)
    expect(queue.losses().emptied).toBe(1)
  })

  test('are taken though Redis has forgotten its scripts', async () => {
    const { queue, redis, payloads } = await open()
    await queue.enqueue('ingest', [large('before')], 0, true)
    await redis.script('FLUSH')
    await queue.enqueue('ingest', [large('after'), large('too')], 0, true)
    expect(await payloads()).toHaveLength(3)
    expect((await queue.counts()).ingest.waiting).toBe(3)
  })

  test('that have no job are removed when workers start', async () => {
    const { queue, redis, payloads } = await open()
    await queue.enqueue('ingest', [large('kept')], 0, true)
    const [payload] = await payloads()
    await redis.set(`${payload!}0`, 'left behind')
    await queue.work({ collect: async () => {} })
    await expect.poll(payloads).toEqual([payload])
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
