import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type QueueBackend, QueueUnavailableError } from '../../src/queue/backend.ts'
import { queueNames } from '../../src/queue/catalog.ts'
import { findFreePort } from '../support/free-port.ts'
import { startProxy } from '../support/proxy.ts'
import { allKinds, type Bench, durableKinds } from './backends.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

let bench: Bench
let opened: QueueBackend[] = []
let namespaces = 0

const now = () => new Date().toISOString()

function newNamespace(): string {
  namespaces += 1
  return `test${namespaces}`
}

/** A started backend that the end of the test stops. */
async function open(namespace = newNamespace(), url?: string): Promise<QueueBackend> {
  const backend = bench.open(namespace, url)
  opened.push(backend)
  await backend.start()
  return backend
}

/** Resolves once nothing waits, runs or is delayed. */
async function drain(backend: QueueBackend): Promise<void> {
  await vi.waitFor(
    async () => {
      const counts = Object.values(await backend.counts())
      expect(counts.every((of) => of.waiting + of.active + of.delayed === 0)).toBe(true)
    },
    { timeout: 60_000, interval: 10 },
  )
}

afterEach(async () => {
  await Promise.all(opened.map((backend) => backend.stop()))
  opened = []
})

describe.each(allKinds)('$name', (kind) => {
  beforeAll(async () => {
    bench = await kind.start()
  })
  afterAll(() => bench.stop())

  describe('enqueue', () => {
    test('hands every job to its handler', async () => {
      const queue = await open()
      const done = collector<string>()
      await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
      const ids = Array.from({ length: 150 }, (_, i) => `batch ${i}`)
      await queue.enqueue(
        'ingest',
        ids.slice(0, 100).map((id) => ingestJob(id)),
      )
      for (const id of ids.slice(100)) await queue.enqueue('ingest', [ingestJob(id)])
      await done.until(150)
      await drain(queue)
      expect([...new Set(done.all)].toSorted()).toEqual(ids.toSorted())
      // On a busy machine one may be handed over twice, as after a crash. That is not usual.
      expect(done.all.length).toBeLessThan(200)
    })

    test('passes data byte for byte', async () => {
      const queue = await open()
      const seen = collector<string>()
      await queue.work(handlers({ ingest: async (job) => seen.add(JSON.stringify(job)) }))
      const job = ingestJob('odd', [
        { zz: 1, a: 2, '10': 3, __proto: null },
        {
          nul: 'a\u0000b',
          escaped: '\\u0000',
          lone: '\ud800 \udfff',
          emoji: '👩‍👩‍👧 𝒳',
          controls: '\u0001\u001f\u2028',
        },
        { patch: '{"z":1.0,"a":1e400,"n":12345678901234567890,"s":"\\ud800\\u0000"}' },
        { numbers: [0.1, 1e21, 5e-324, 1.7976931348623157e308, -1], empty: ['', {}, [], null] },
        { long: `"quotes" \\ ${'x'.repeat(1 << 20)}` },
      ])
      await queue.enqueue('ingest', [job])
      await queue.enqueue('ingest', [job, { ...job, batchId: 'odd 2' }])
      await queue.enqueue('ingest', [job], 0, true)
      await queue.enqueue('ingest', [job, { ...job, batchId: 'odd 2' }], 7, true)
      await seen.until(2)
      await drain(queue)
      const [text, text2] = [JSON.stringify(job), JSON.stringify({ ...job, batchId: 'odd 2' })]
      expect(seen.all.toSorted()).toEqual([text, text, text, text, text2, text2].toSorted())
    })

    test('of no jobs does nothing', async () => {
      const queue = await open()
      await queue.enqueue('ingest', [])
      expect((await queue.counts()).ingest.waiting).toBe(0)
    })

    test('of the same job twice runs it twice', async () => {
      const queue = await open()
      await queue.enqueue('ingest', [ingestJob('same'), ingestJob('same')])
      await queue.enqueue('ingest', [ingestJob('same')])
      expect((await queue.counts()).ingest.waiting).toBe(3)
    })
  })

  describe('oldest', () => {
    test('tells when the oldest job of each lane was added, whether it waits, runs or is to be tried again', async () => {
      const queue = await open()
      const none = { waiting: null, active: null, delayed: null }
      const nothing = { ingest: none, 'ingest-interactive': none, 'ingest-backlog': none }
      expect(await queue.oldest()).toEqual(nothing)

      const jobs = (...ids: string[]) => ids.map((id) => ({ ...ingestJob(id), receivedAt: now() }))
      const before = Date.now()
      await queue.enqueue('ingest', jobs('first'))
      const between = Date.now() + 1
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(between))
      await queue.enqueue('ingest', jobs('second', 'third'))
      // The later one is taken first.
      await queue.enqueue('ingest-backlog', jobs('backlog'), 7)
      await queue.enqueue('ingest-backlog', jobs('urgent'), 3)
      const seen = await queue.oldest()
      expect(seen.ingest.waiting).toBeGreaterThanOrEqual(before)
      expect(seen.ingest.waiting).toBeLessThanOrEqual(between)
      expect(seen['ingest-backlog'].waiting).toBeGreaterThanOrEqual(between)

      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let attempts = 0
      await queue.work(
        handlers({
          ingest: async () => held,
          'ingest-backlog': async () => {
            attempts += 1
            throw new Error('not yet')
          },
        }),
      )
      await vi.waitFor(async () => {
        const { ingest } = await queue.oldest()
        expect(ingest).toEqual({ ...none, active: seen.ingest.waiting })
      })
      // A retry stands as delayed for longer and longer.
      await vi.waitFor(
        async () => {
          expect(attempts).toBeGreaterThan(2)
          expect((await queue.oldest())['ingest-backlog']).toEqual({
            ...none,
            delayed: seen['ingest-backlog'].waiting,
          })
        },
        { timeout: 60_000, interval: 5 },
      )
      release()
    })
  })

  describe('a job that fails', () => {
    test('is tried until it succeeds, whatever its handler throws', async () => {
      const queue = await open()
      const failures = [
        Object.assign(new Error('first'), { name: 'UnrecoverableError' }),
        Object.assign(new Error('bullmq:rateLimitExceeded'), { name: 'DelayedError' }),
        new Error(`NUL \u0000 and \ud800 ${'long'.repeat(10_000)}`),
      ]
      const attempts = collector<number>()
      await queue.work(
        handlers({
          aggregate: async () => {
            attempts.add(attempts.all.length)
            const failure = failures[attempts.all.length - 1]
            if (failure) throw failure
          },
        }),
      )
      await queue.nudge('aggregate', 'a', { tenantId: 't' })
      await attempts.until(4)
      await drain(queue)
      expect(attempts.all).toEqual([0, 1, 2, 3])
      expect((await queue.counts()).aggregate.failed).toBe(0)
    })

    test('does not hold up the others', async () => {
      const queue = await open()
      const done = collector<string>()
      await queue.work(
        handlers({
          ingest: async ({ batchId }) => {
            if (batchId === 'bad' && done.all.length < 100) throw new Error('not yet')
            done.add(batchId)
          },
        }),
      )
      await queue.enqueue(
        'ingest',
        ['bad', ...Array.from({ length: 100 }, (_, i) => `good ${i}`)].map((id) => ingestJob(id)),
      )
      await done.until(101)
      expect(done.all.at(-1)).toBe('bad')
    })
  })

  describe('nudge', () => {
    const aggregate = { tenantId: 't' }

    test('does nothing while a job of its key waits', async () => {
      const queue = await open()
      await queue.nudge('aggregate', 'tenant:experiment/1 ü', aggregate)
      await queue.nudge('aggregate', 'tenant:experiment/1 ü', aggregate)
      await queue.nudge('aggregate', 'tenant:experiment/2', aggregate, 60_000)
      await queue.nudge('aggregate', 'tenant:experiment/2', aggregate)
      expect((await queue.counts()).aggregate).toMatchObject({ waiting: 1, delayed: 1 })
    })

    test('runs again after the job of its key is done', async () => {
      const queue = await open()
      const runs = collector<number>()
      await queue.work(handlers({ aggregate: async () => runs.add(runs.all.length) }))
      for (const round of [1, 2, 3]) {
        await queue.nudge('aggregate', '7', aggregate)
        await runs.until(round)
        await drain(queue)
      }
      expect(runs.all).toHaveLength(3)
    })

    test('is lost while the job of its key runs: the handler has to look again before it returns', async () => {
      const queue = await open()
      const runs = collector<number>()
      let finish = () => {}
      await queue.work(
        handlers({
          aggregate: () =>
            new Promise((resolve) => {
              finish = resolve
              runs.add(runs.all.length)
            }),
        }),
      )
      await queue.nudge('aggregate', 'key', aggregate)
      await runs.until(1)
      await queue.nudge('aggregate', 'key', aggregate)
      expect((await queue.counts()).aggregate).toMatchObject({ waiting: 0, active: 1, delayed: 0 })
      finish()
      await drain(queue)
      expect(runs.all).toHaveLength(1)
    })

    test('runs after its delay', async () => {
      const queue = await open()
      const ran = collector<number>()
      await queue.work(handlers({ aggregate: async () => ran.add(performance.now()) }))
      const nudged = performance.now()
      await queue.nudge('aggregate', 'much later', aggregate, 3_600_000)
      await queue.nudge('aggregate', 'later', aggregate, 300)
      await ran.until(1)
      // BullMQ and the handler count in whole milliseconds.
      expect((ran.all[0] ?? 0) - nudged).toBeGreaterThan(295)
      expect((await queue.counts()).aggregate.delayed).toBe(1)
    })
  })

  describe('watchApplied', () => {
    test('resolves true for an announced batch, and for no other', async () => {
      const queue = await open()
      const [hit, miss] = [queue.watchApplied('hit'), queue.watchApplied('miss')]
      const waits = [hit.wait(60_000), hit.wait(60_000), miss.wait(50)]
      queue.announceApplied(['other', 'hit'])
      expect(await Promise.all(waits)).toEqual([true, true, false])
      hit.cancel()
      miss.cancel()
    })

    test('remembers an announcement that came before wait', async () => {
      const queue = await open()
      const watch = queue.watchApplied('early')
      queue.announceApplied(['early'])
      expect(await watch.wait(0)).toBe(true)
      watch.cancel()
    })

    test('cancel ends a wait', async () => {
      const queue = await open()
      const watch = queue.watchApplied('never')
      const wait = watch.wait(60_000)
      watch.cancel()
      watch.cancel()
      expect(await wait).toBe(false)
    })
  })

  describe('start and stop', () => {
    test('may be called twice, and stop without start', async () => {
      const queue = bench.open(newNamespace())
      await queue.stop()
      await Promise.all([queue.start(), queue.start()])
      await queue.ping()
      await Promise.all([queue.stop(), queue.stop()])
      await queue.stop()
      await queue.start()
      await queue.ping()
      await queue.stop()
    })

    test('a queue that is not started refuses jobs', async () => {
      const queue = bench.open(newNamespace())
      await expect(queue.enqueue('ingest', [ingestJob('x')])).rejects.toThrow(QueueUnavailableError)
      await queue.start()
      await queue.stop()
      await expect(queue.enqueue('ingest', [ingestJob('x')])).rejects.toThrow(QueueUnavailableError)
    })

    test('stop tells a handler to give up, and its job is done after the next start', async () => {
      const queue = await open()
      const started = collector<string>()
      await queue.work(
        handlers({
          ingest: (_, { signal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new Error('asked to stop')))
              started.add('started')
            }),
        }),
      )
      await queue.enqueue('ingest', [ingestJob('long')])
      await started.until(1)
      await queue.stop()
      await queue.start()
      const done = collector<string>()
      await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
      await done.until(1)
      expect(done.all).toEqual(['long'])
    })

    test('stop does not wait for ever for a handler that does not give up', async () => {
      const queue = await open()
      const started = collector<string>()
      await queue.work(
        handlers({
          ingest: () =>
            new Promise(() => {
              started.add('started')
            }),
        }),
      )
      await queue.enqueue('ingest', [ingestJob('stuck')])
      await started.until(1)
      await queue.stop()
    })
  })

  test('counts has every queue', async () => {
    const queue = await open()
    await queue.enqueue('ingest-interactive', [ingestJob('a'), ingestJob('b')])
    const counts = await queue.counts()
    expect(Object.keys(counts).toSorted()).toEqual(queueNames.toSorted())
    expect(counts['ingest-interactive']).toEqual({ waiting: 2, active: 0, delayed: 0, failed: 0 })
    expect(counts.ingest).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  })
})

describe.each(durableKinds)('$name, shared', (kind) => {
  beforeAll(async () => {
    bench = await kind.start()
  })
  afterAll(() => bench.stop())

  test('another backend does the jobs of this one', async () => {
    const namespace = newNamespace()
    const [producer, consumer] = [await open(namespace), await open(namespace)]
    const done = collector<string>()
    await consumer.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
    await producer.enqueue('ingest', [ingestJob('there')])
    await done.until(1)
  })

  test('jobs outlive the backend that took them', async () => {
    const namespace = newNamespace()
    const first = await open(namespace)
    await first.enqueue('ingest', [ingestJob('a'), ingestJob('b')])
    await first.stop()
    const second = await open(namespace)
    expect((await second.counts()).ingest.waiting).toBe(2)
  })

  test('namespaces do not see each other', async () => {
    const [mine, other] = [await open(), await open()]
    await mine.enqueue('ingest', [ingestJob('mine')])
    expect((await other.counts()).ingest.waiting).toBe(0)
  })

  test('schedule makes one job, however many backends ask at once', async () => {
    const backends = await Promise.all([0, 0, 0, 0].map(() => open('many')))
    const keys = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(
      keys.flatMap((key) => backends.map((queue) => queue.schedule('sweep', key, 60_000, {}))),
    )
    const [one, two] = backends as [QueueBackend, QueueBackend]
    await one.stop()
    await one.start()
    await one.schedule('sweep', 'a', 60_000, {})
    const { waiting, delayed } = (await two.counts()).sweep
    expect(waiting + delayed).toBe(keys.length)
  })

  test('schedule repeats a job, once for all backends', async () => {
    const namespace = newNamespace()
    const [one, two] = [await open(namespace), await open(namespace)]
    await Promise.all([one, two].map((queue) => queue.schedule('sweep', 'all', 200, {})))
    const runs = collector<number>()
    const work = handlers({ sweep: async () => runs.add(runs.all.length) })
    await Promise.all([one.work(work), two.work(work)])
    const before = performance.now()
    await runs.until(6)
    // Two schedules would make twice as many.
    expect(performance.now() - before).toBeGreaterThan(4 * 200)
  })

  test('a process works the queues that it has handlers for, and leaves the others to those that have', async () => {
    const namespace = newNamespace()
    const [api, worker] = [await open(namespace), await open(namespace)]
    const done = collector<string>()
    await api.work({ collect: async ({ look }) => done.add(look) })
    await api.enqueue('ingest', [ingestJob('left')])
    await worker.enqueue('collect', [{ look: 'all' }])
    await done.until(1)
    expect((await api.counts()).ingest.waiting).toBe(1)
    await worker.work({ ingest: async ({ batchId }) => done.add(batchId) })
    await done.until(2)
    expect(done.all).toEqual(['all', 'left'])
  })

  test('an announcement reaches the other backend', async () => {
    const namespace = newNamespace()
    const [api, worker] = [await open(namespace), await open(namespace)]
    await worker.work(
      handlers({ 'ingest-interactive': async ({ batchId }) => worker.announceApplied([batchId]) }),
    )
    for (const batchId of ['first', 'second']) {
      const watch = api.watchApplied(batchId)
      await api.enqueue('ingest-interactive', [ingestJob(batchId)])
      expect(await watch.wait(60_000)).toBe(true)
      watch.cancel()
    }
  })

  test('thousands of announcements of one turn all arrive', async () => {
    const namespace = newNamespace()
    const [api, worker] = [await open(namespace), await open(namespace)]
    const ids = Array.from({ length: 2_000 }, () => crypto.randomUUID())
    const watches = ids.map((id) => api.watchApplied(id))
    // An enqueue waits until the subscription of the watch is made.
    await api.enqueue('ingest', [ingestJob('any')])
    for (const id of ids) worker.announceApplied([id])
    const heard = await Promise.all(watches.map((watch) => watch.wait(60_000)))
    expect(heard.filter(Boolean)).toHaveLength(2_000)
    for (const watch of watches) watch.cancel()
  })

  describe('away', () => {
    test('start rejects when nobody listens', async () => {
      const nobody = new URL(bench.url)
      nobody.port = String(await findFreePort())
      const queue = bench.open(newNamespace(), nobody.href)
      await expect(queue.start()).rejects.toThrow(QueueUnavailableError)
      await queue.stop()
    })

    test('an enqueue that is cut off half way stores nothing', async () => {
      const proxy = await startProxy(bench.url)
      const namespace = newNamespace()
      const [cut, whole] = [await open(namespace, proxy.through(bench.url)), await open(namespace)]
      // Random, so that they cannot be compressed and do not all pass before the cut.
      const jobs = Array.from({ length: 20 }, (_, i) =>
        ingestJob(`${i}`, [randomBytes(75_000).toString('base64')]),
      )
      // The first enqueue prepares what is made on first use, such as scripts.
      await cut.enqueue('ingest', jobs.slice(0, 2))
      proxy.cutAfter(1_000_000)
      await expect(cut.enqueue('ingest', jobs)).rejects.toThrow(QueueUnavailableError)
      expect((await whole.counts()).ingest.waiting).toBe(2)
      await proxy.up()
      await cut.stop()
      await proxy.close()
    })

    test('an enqueue is refused while the server is still down or hangs, and works again after', async () => {
      const proxy = await startProxy(bench.url)
      const namespace = newNamespace()
      const queue = await open(namespace, proxy.through(bench.url))
      const watch = queue.watchApplied('applied')
      await queue.enqueue('ingest', [ingestJob('before')])
      for (const fail of [proxy.down, async () => proxy.hang()]) {
        await fail()
        const lost = ingestJob('lost')
        const key = { tenantId: 't' }
        await Promise.all([
          expect(queue.enqueue('ingest', [lost])).rejects.toThrow(QueueUnavailableError),
          expect(queue.enqueue('ingest', [lost, lost])).rejects.toThrow(QueueUnavailableError),
          expect(queue.nudge('aggregate', 'k', key)).rejects.toThrow(QueueUnavailableError),
          expect(queue.schedule('sweep', 'k', 60_000, {})).rejects.toThrow(QueueUnavailableError),
          expect(queue.ping()).rejects.toThrow(),
          expect(queue.counts()).rejects.toThrow(),
        ])
        // All of them were answered although nothing has come through yet.
        await proxy.down()
        await proxy.up()
        await vi.waitFor(() => queue.enqueue('ingest', [ingestJob('after')]), { timeout: 60_000 })
      }
      // The subscription renews itself.
      const other = await open(namespace)
      await vi.waitFor(
        async () => {
          other.announceApplied(['applied'])
          expect(await watch.wait(100)).toBe(true)
        },
        { timeout: 60_000 },
      )
      watch.cancel()
      await queue.stop()
      await proxy.close()
    })

    test('workers wait for the server, and lose and fail nothing', async () => {
      const proxy = await startProxy(bench.url)
      const namespace = newNamespace()
      const [producer, worker] = [
        await open(namespace),
        await open(namespace, proxy.through(bench.url)),
      ]
      const done = collector<string>()
      const api = await open(namespace)
      await worker.work(
        handlers({
          ingest: async ({ batchId }) => done.add(batchId),
          'ingest-interactive': async ({ batchId }) => worker.announceApplied([batchId]),
        }),
      )
      const ids = Array.from({ length: 400 }, (_, i) => `batch ${i}`)
      await producer.enqueue(
        'ingest',
        ids.slice(0, 300).map((id) => ingestJob(id)),
      )
      await done.until(20)
      await proxy.down()
      await producer.enqueue(
        'ingest',
        ids.slice(300).map((id) => ingestJob(id)),
      )
      await proxy.up()
      await done.until(400)
      const watch = api.watchApplied('interactive')
      await api.enqueue('ingest-interactive', [ingestJob('interactive')])
      expect(await watch.wait(60_000)).toBe(true)
      watch.cancel()
      await worker.stop()
      await proxy.close()
    })

    test('stop does not wait for a server that is away', async () => {
      const proxy = await startProxy(bench.url)
      const queue = await open(newNamespace(), proxy.through(bench.url))
      await queue.work(handlers({}))
      await proxy.down()
      await queue.stop()
      await proxy.close()
    })
  })
})
