import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, type Mock, test, vi } from 'vitest'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { type Bench, durableKinds } from './backends.ts'
import { collector, handlers } from './handlers.ts'

const hour = 3_600_000
const patience = { timeout: 60_000 }

describe.each(durableKinds)('$name', (kind) => {
  let bench: Bench
  let api: QueueBackend
  let log: Record<'info' | 'warn' | 'error', Mock<(fields: object, message: string) => void>>

  const open = (): QueueBackend => {
    const options = { url: bench.url, namespace: 'emptied', log }
    return kind.name === 'redis' ? redisBackend(options) : postgresBackend(options)
  }

  beforeEach(async () => {
    log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    bench = await kind.start()
    api = open()
    await api.start()
    await api.schedule('sweep', 'sweep', 100, {})
    await api.schedule('collect', 'all', hour, { look: 'all' })
    expect(api.losses()).toEqual({ emptied: 0, schedulesRepaired: 0, lastAt: null })
  })

  afterEach(async () => {
    await api.stop()
    await bench.stop()
  })

  /** Deletes the jobs of a queue, or everything. */
  async function empty(only?: 'collect'): Promise<void> {
    if (kind.name === 'redis') {
      const client = new Redis(bench.url)
      if (only === undefined) await client.flushall()
      else await client.del(await client.keys(`emptied:{${only}-0}:*`))
      await client.quit()
      return
    }
    const db = openPool(bench.url, { max: 1 })
    if (only === undefined) await db`truncate bullmq.job cascade`
    else await db`delete from bullmq.job where name = ${only}`
    await closePool(db)
  }

  /** Resolves once a worker that starts now has run a sweep, and another. */
  async function sweepsRun(): Promise<void> {
    const worker = open()
    await worker.start()
    const swept = collector<number>()
    await worker.work(handlers({ sweep: async () => swept.add(swept.all.length) }))
    await swept.until(2)
    await worker.stop()
  }

  test('a queue that was emptied is told of once, and repeats its jobs again, with no process but an API', async () => {
    // The first look has been: there is a mark.
    await vi.waitFor(async () => expect(await marks()).toBeGreaterThan(0), patience)
    await empty()
    await vi.waitFor(() => {
      expect(api.losses()).toEqual({ emptied: 1, schedulesRepaired: 2, lastAt: expect.any(Number) })
    }, patience)
    expect(log.error).toHaveBeenCalledExactlyOnceWith(
      {},
      expect.stringContaining('THE QUEUE WAS EMPTIED'),
    )
    // Other warnings tell of looks that took too long on a busy machine.
    const repairs = log.warn.mock.calls.map(([fields]) => fields).filter((of) => 'schedules' in of)
    expect(repairs).toEqual([{ schedules: ['sweep/sweep', 'collect/all'] }])
    await sweepsRun()
    const { collect } = await api.counts()
    expect(collect.delayed + collect.waiting).toBe(1)
    expect(api.losses().emptied).toBe(1)
  })

  test('a repeating job that is missing alone is created anew, while the others go on', async () => {
    await empty('collect')
    await vi.waitFor(() => {
      expect(api.losses()).toMatchObject({ emptied: 0, schedulesRepaired: 1 })
    }, patience)
    expect(log.error).not.toHaveBeenCalled()
    await sweepsRun()
    expect(api.losses()).toMatchObject({ emptied: 0, schedulesRepaired: 1 })
  })

  async function marks(): Promise<number> {
    if (kind.name !== 'redis') return 1
    const client = new Redis(bench.url)
    const keys = await client.keys('emptied:mark:*')
    await client.quit()
    return keys.length
  }

  if (kind.name === 'redis') {
    test('a server that is an earlier state of itself is told of', async () => {
      const client = new Redis(bench.url)
      const mark = async () => (await client.keys('emptied:mark:*'))[0]
      await vi.waitFor(async () => expect(Number(await client.get((await mark())!))).toBe(2), {
        timeout: 60_000,
        interval: 10,
      })
      await client.set((await mark())!, 1)
      await vi.waitFor(() => expect(api.losses().emptied).toBe(1), patience)
      await client.quit()
      expect(api.losses()).toMatchObject({ emptied: 1, schedulesRepaired: 0 })
    })
  }
})
