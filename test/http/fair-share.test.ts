import { expect, test } from 'vitest'
import { createFairShare } from '../../src/http/front-door/fair-share.ts'

const pieceMs = 10
const atOnce = 8

/**
 * A process in which, every 10 ms, each owner tries to begin as much as it sends; what cannot begin is refused.
 * @param busyBy by how much of its time each piece of work keeps it busy, or how busy it is whatever it does
 */
function createServer(busyBy: number | (() => number)) {
  let now = 0
  let lookedAt = 0
  let busyMs = 0
  const share = createFairShare({
    most: atOnce,
    now: () => now,
    utilization: () => {
      const busy = busyMs / (now - lookedAt)
      lookedAt = now
      busyMs = 0
      return busy
    },
  })
  return {
    refuse: share.refuse,
    /** @param sent pieces of work in 10 ms, by owner @returns how many of them began */
    run(seconds: number, sent: Record<string, number>): Record<string, number> {
      const begun = Object.fromEntries(Object.keys(sent).map((owner) => [owner, 0]))
      for (const end = now + seconds * 1_000; now < end; ) {
        const inWork: string[] = []
        for (const [owner, count] of Object.entries(sent)) {
          for (let i = 0; i < count; i++) {
            if (i >= atOnce || !share.begin(owner)) share.refuse(owner)
            else {
              inWork.push(owner)
              begun[owner]! += 1
            }
          }
        }
        now += pieceMs
        const busy = typeof busyBy === 'number' ? Math.min(1, inWork.length * busyBy) : busyBy()
        busyMs += busy * pieceMs
        for (const owner of inWork) share.end(owner, pieceMs)
        share.look()
      }
      return begun
    },
  }
}

test('I7: a flood leaves the process time for another tenant, which is not limited', () => {
  const server = createServer(0.1)
  server.run(5, { flood: 40, other: 2 })
  const { flood, other } = server.run(10, { flood: 40, other: 2 })
  expect(other).toBe(2_000)
  // Without a limit 8,000 begin, and with those of the other the process is busy all the time.
  expect(flood).toBeLessThan(7_000)
  expect(flood).toBeGreaterThan(3_500)
})

test('I7: the others are let through from the moment that it is known to be a flood', () => {
  const server = createServer(0.1)
  server.run(5, { flood: 1, other: 2 })
  server.run(0.3, { flood: 40, other: 2 })
  expect(server.run(0.1, { flood: 40, other: 2 }).flood).toBeLessThan(20)
})

test('a tenant whose flood is over has its share back, though the process is rather busy', () => {
  let busy = 0.9
  const server = createServer(() => busy)
  server.run(5, { some: 4, other: 1 })
  server.run(1, { some: 40, other: 1 })
  busy = 0.7
  server.run(5, { some: 4, other: 1 })
  expect(server.run(5, { some: 4, other: 1 })).toEqual({ some: 2_000, other: 500 })
})

test('I7: it begins a quarter of what the others do at least, however busy they keep the process', () => {
  const server = createServer(1)
  server.run(5, { flood: 40, other: 6 })
  const { flood, other } = server.run(10, { flood: 40, other: 6 })
  expect(other).toBe(6_000)
  expect(flood).toBeGreaterThan(1_300)
  expect(flood).toBeLessThan(2_500)
})

test('I7: a tenant that is refused because of the flood of another is not limited', () => {
  const server = createServer(1)
  for (let i = 0; i < 20; i++) {
    // Nothing of it gets through for a moment.
    server.run(0.05, { flood: 400, small: 0 })
    for (let n = 0; n < 20; n++) server.refuse('small')
  }
  expect(server.run(1, { flood: 400, small: 2 }).small).toBe(200)
})

test('a tenant whose flood is over has its share back, though others keep the process busy', () => {
  let busy = 0.95
  const server = createServer(() => busy)
  server.run(5, { some: 40, other: 1 })
  busy = 0.8
  server.run(60, { some: 4, other: 1 })
  expect(server.run(5, { some: 4, other: 1 })).toEqual({ some: 2_000, other: 500 })
})

test('a tenant that is alone may take all there is', () => {
  const server = createServer(1)
  expect(server.run(10, { flood: 40 })).toEqual({ flood: 8_000 })
})

test('a tenant that sends somewhat more than can be done is not limited', () => {
  const server = createServer(1)
  server.run(5, { some: 12, other: 1 })
  expect(server.run(10, { some: 12, other: 1 })).toEqual({ some: 8_000, other: 1_000 })
})

test('a process that has time limits nobody', () => {
  const server = createServer(0.05)
  server.run(5, { flood: 40, other: 1 })
  expect(server.run(10, { flood: 40, other: 1 })).toEqual({ flood: 8_000, other: 1_000 })
})

test('after a flood its tenant may take all there is again', () => {
  const server = createServer(0.12)
  server.run(5, { flood: 40, other: 1 })
  server.run(3, { flood: 4, other: 1 })
  expect(server.run(5, { flood: 8, other: 1 })).toEqual({ flood: 4_000, other: 500 })
})
