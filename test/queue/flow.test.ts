import { expect, test } from 'vitest'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { createFlow, flowStepMs, flowSteps } from '../../src/queue/flow.ts'
import { createBacklog } from '../../src/queue/process-backlog.ts'
import { feedbackOn, second } from '../support/comparison-rows.ts'

const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0)

test('counts fall out of the last ten minutes step by step, and totals stay', () => {
  let now = 1_000_000
  const flow = createFlow(() => now)
  flow.accepted('a', 3)
  flow.refused('a', 'invalid')
  now += flowStepMs
  flow.accepted('a', 4)
  flow.applied('a', 7, 2000)
  expect(flow.of('a').accepted.slice(-2)).toEqual([3, 4])
  now += (flowSteps - 2) * flowStepMs
  expect(flow.of('a').accepted[0]).toBe(3)
  now += flowStepMs
  expect(sum(flow.of('a').accepted)).toBe(4)
  expect(flow.of('a')).toMatchObject({
    lag: { p50: 2, p99: 2, requests: 1 },
    refused: [{ reason: 'invalid', recent: 0, total: 1 }],
  })
  now += 2 * flowStepMs
  expect(sum(flow.of('a').accepted)).toBe(0)
  expect(flow.of('a').lag).toBeNull()
})

test('a tenant is told only of its own, and all together of everything, also of requests without a key', () => {
  const flow = createFlow(() => 1)
  flow.accepted('a', 1)
  flow.accepted('b', 2)
  flow.refused(null, 'unauthenticated')
  expect([sum(flow.of('a').accepted), sum(flow.of('b').accepted)]).toEqual([1, 2])
  expect(sum(flow.of(null).accepted)).toBe(3)
  expect(flow.of('a').refused).toEqual([])
  expect(flow.of(null).refused).toEqual([{ reason: 'unauthenticated', recent: 1, total: 1 }])
  expect(flow.tenants()).toEqual(['b', 'a'])
})

test('what is enqueued waits, with the age of the oldest, until workers have applied it; the same batch twice is one', async () => {
  let now = 1000
  const queue = inlineBackend()
  await queue.start()
  const flow = createFlow(() => now)
  const backlog = createBacklog({ queue, budgetBytes: 2 ** 30, flow, now: () => now })
  const job = (batchId: string, tenantId: string) => ({
    batchId,
    tenantId,
    receivedAt: second(0),
    events: [feedbackOn(null, 'k', 1), feedbackOn(null, 'k', 2)],
  })
  await backlog.enqueue('ingest', [job('1', 'a'), job('2', 'a')])
  now = 5000
  await backlog.enqueue('ingest', [job('3', 'b')])
  await backlog.enqueue('ingest', [job('3', 'b')])
  expect(backlog.waiting('a')).toMatchObject({ requests: 2, events: 4, oldestAt: 1000 })
  expect(backlog.waiting('b')).toMatchObject({ requests: 1, events: 2, oldestAt: 5000 })
  expect(backlog.waiting(null)).toMatchObject({ requests: 3, events: 6, oldestAt: 1000 })

  now = 9000
  await queue.work({ ingest: async ({ batchId }) => queue.announceApplied([batchId]) })
  await queue.drain()
  const nothing = { requests: 0, events: 0, bytes: 0, oldestAt: null }
  expect([backlog.waiting(null), backlog.waiting('b')]).toEqual([nothing, nothing])
  expect(sum(flow.of('a').applied)).toBe(4)
  expect(flow.of('a').lag).toEqual({ p50: 8, p95: 8, p99: 8, requests: 2 })
  await queue.stop()
})
