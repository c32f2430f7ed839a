import { expect, test } from 'vitest'
import type { OldestJobs, QueueCounts } from '../../src/queue/backend.ts'
import { queueNames, type QueueName } from '../../src/queue/catalog.ts'
import { createStallWatch, type QueueSight } from '../../src/queue/stall.ts'

const none = { waiting: null, active: null, delayed: null }

/** A queue of which only the given parts of the lane for bulk writes are not empty. */
function sight(counts: Partial<QueueCounts>, oldest: Partial<OldestJobs['ingest']>): QueueSight {
  const empty = { waiting: 0, active: 0, delayed: 0, failed: 0 }
  const all = Object.fromEntries(queueNames.map((name) => [name, empty]))
  return {
    counts: { ...(all as Record<QueueName, QueueCounts>), ingest: { ...empty, ...counts } },
    oldest: {
      ingest: { ...none, ...oldest },
      'ingest-interactive': none,
      'ingest-backlog': none,
    },
  }
}

test('work that waits while nothing is finished is a stall, and its end is the next that is finished', () => {
  const watch = createStallWatch()
  const frozen = (more: number) =>
    sight({ waiting: 5 + more, active: 64 }, { waiting: 900, active: 100 })
  expect(watch.look(frozen(0), 1_000, 0)).toBe(0)
  // More arrives, which is no progress.
  expect(watch.look(frozen(3), 11_000, 0)).toBe(10_000)
  expect(watch.look(frozen(9), 41_000, 0)).toBe(40_000)
  expect(
    watch.look(sight({ waiting: 9, active: 64 }, { waiting: 990, active: 950 }), 42_000, 0),
  ).toBe(0)
})

test('a backlog that grows while it is worked off is no stall', () => {
  const watch = createStallWatch()
  for (let second = 0; second < 100; second++) {
    const now = 1_000_000 + second * 1_000
    // The oldest has waited for longer and longer, but it is always another one.
    const oldest = 900_000 + second * 100
    const seen = sight({ waiting: 1_000 + second, active: 64 }, { waiting: oldest, active: oldest })
    expect(watch.look(seen, now, 0)).toBe(0)
  }
})

test('one job that takes long is no stall while others are finished, which this process hears or sees', () => {
  const watch = createStallWatch()
  const seen = (waiting: number) => sight({ waiting, active: 64 }, { waiting: 500, active: 100 })
  expect(watch.look(seen(10), 0, 0)).toBe(0)
  expect(watch.look(seen(10), 60_000, 59_000)).toBe(1_000)
  expect(watch.look(seen(9), 120_000, 59_000)).toBe(0)
})

test('jobs that wait for their next attempt, and an empty queue, are no stall', () => {
  const watch = createStallWatch()
  for (const now of [0, 60_000, 120_000]) {
    expect(watch.look(sight({ delayed: 3 }, { delayed: 0 }), now, 0)).toBe(0)
  }
  // The time that the queue was empty is not counted.
  expect(watch.look(sight({ waiting: 1, delayed: 3 }, { waiting: 121_000 }), 121_000, 0)).toBe(
    1_000,
  )
})

test('work that goes back to the queue and comes again is a stall while nothing is finished', () => {
  const watch = createStallWatch()
  for (const [second, [delayed, waiting]] of [
    [null, 100],
    [100, 900],
    [100, 950],
  ].entries()) {
    const seen = sight(
      { waiting: 5, active: 64, delayed: 1 },
      { waiting: waiting!, delayed: delayed! },
    )
    expect(watch.look(seen, 1_000 + second * 20_000, 0)).toBe(second * 20_000)
  }
})
