import { expect, test } from 'vitest'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { handlers, ingestJob } from './handlers.ts'

test('drain resolves when all is done, what failed at first and what handlers added included', async () => {
  const queue = inlineBackend()
  await queue.start()
  const done: string[] = []
  let failures = 2
  await queue.work(
    handlers({
      ingest: async ({ batchId }) => {
        failures -= 1
        if (failures >= 0) throw new Error('not yet')
        done.push(batchId)
        await queue.nudge('aggregate', 'key', { tenantId: 't' }, 60_000)
      },
      aggregate: async () => {
        done.push('aggregate')
      },
    }),
  )
  await queue.enqueue('ingest', [ingestJob('a')])
  await queue.drain()
  expect(done).toEqual(['a', 'aggregate'])
  await queue.stop()
})

test('drain runs delayed nudges at once', async () => {
  const queue = inlineBackend()
  await queue.start()
  let runs = 0
  await queue.work(
    handlers({
      purge: async () => {
        runs += 1
      },
    }),
  )
  await queue.nudge('purge', 'key', { tenantId: 't', kind: 'experiment', id: 'e' }, 3_600_000)
  await queue.drain()
  await queue.drain()
  expect(runs).toBe(1)
  await queue.stop()
})

test('drain without handlers rejects instead of waiting for ever', async () => {
  const queue = inlineBackend()
  await queue.start()
  await queue.enqueue('ingest', [ingestJob('a')])
  await expect(queue.drain()).rejects.toThrow('work()')
  await queue.stop()
})

test('schedules run when asked to, once per key', async () => {
  const queue = inlineBackend()
  await queue.start()
  let sweeps = 0
  await queue.work(
    handlers({
      sweep: async () => {
        sweeps += 1
      },
    }),
  )
  await queue.schedule('sweep', 'all', 1, {})
  await queue.schedule('sweep', 'all', 1, {})
  await queue.drain()
  expect(sweeps).toBe(0)
  await queue.runScheduled()
  await queue.drain()
  expect(sweeps).toBe(1)
  await queue.stop()
})
