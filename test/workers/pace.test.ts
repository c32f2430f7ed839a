import { expect, test } from 'vitest'
import type { AggregateJob } from '../../src/queue/catalog.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { createPace, nudgeAggregate } from '../../workers/pace.ts'
import { handlers } from '../queue/handlers.ts'

const key = 'tenant'

function openPace() {
  let now = 0
  const pace = createPace(() => now)
  const take = async (ms: number) =>
    pace.measure(key, async () => {
      now += ms
    })
  return { pace, take }
}

test('a tenant rests ten times as long as its refresh takes, and at most a second', async () => {
  const { pace, take } = openPace()
  expect(pace.delayMs(key)).toBe(500)
  await take(60)
  await take(60)
  expect(pace.delayMs(key)).toBe(600)
  await take(5_000)
  await take(5_000)
  expect(pace.delayMs(key)).toBe(1_000)
})

test('an outage during a refresh does not count as work', async () => {
  const { pace, take } = openPace()
  await take(60)
  await take(30_000)
  expect(pace.delayMs(key)).toBe(600)
  await take(60)
  expect(pace.delayMs(key)).toBe(600)
})

test('an outage during the first refresh of all counts as little', async () => {
  const { pace, take } = openPace()
  await take(30_000)
  expect(pace.delayMs(key)).toBe(1_000)
  await take(60)
  expect(pace.delayMs(key)).toBe(600)
})

test('a job names an experiment that does not exist to a worker of an older version', async () => {
  const queue = inlineBackend()
  await queue.start()
  const jobs: AggregateJob[] = []
  await queue.work(handlers({ aggregate: async (job) => void jobs.push(job) }))
  await nudgeAggregate({ queue, pace: createPace() }, key)
  await queue.drain()
  await queue.stop()
  const none = '00000000-0000-0000-0000-000000000000'
  expect(jobs).toEqual([{ tenantId: key, isFollowUp: false, experimentId: none }])
})
