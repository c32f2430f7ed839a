import { setMaxListeners } from 'node:events'
import { expect, test } from 'vitest'
import { JobPostponedError } from '../../src/queue/backend.ts'
import { createApart } from '../../workers/apart.ts'
import { createWaitingRoom } from '../../workers/waiting-room.ts'

const away = Object.assign(new Error('the node is away'), { code: '08006' })
const tooSlow = Object.assign(new Error('canceling statement'), { code: '57014' })
const usualMs = 5_000

function start() {
  const clock = { at: 1_000_000 }
  const log = { info() {}, warn() {}, error() {} }
  const apart = createApart(log, usualMs, () => clock.at)
  /** Fails after so long, and says whether the tenant is now set apart. */
  const fail = (tenantId: string, ms: number, error: Error = away): boolean => {
    const startedAt = clock.at
    clock.at += ms
    return apart.failed(tenantId, startedAt, error)
  }
  const setApart = (tenantId: string): void => {
    fail(tenantId, 1)
    clock.at += 1
    apart.succeeded('another')
    expect(fail(tenantId, 1)).toBe(true)
  }
  /** Comes with a job, and returns how many milliseconds later it is to come again; null when it was tried. */
  const come = async (tenantId: string, work: () => Promise<void>): Promise<number | null> => {
    try {
      let isTried = false
      await apart.tryAgain(tenantId, async () => {
        isTried = true
        await work()
      })
      return isTried ? null : 0
    } catch (error) {
      if (error instanceof JobPostponedError) return error.delayMs
      throw error
    }
  }
  return { apart, clock, fail, setApart, come }
}

const failing = async () => Promise.reject(away)

test('I6 what was applied before a failure does not show that others can be', () => {
  const { apart, clock, fail } = start()
  const begunAt = clock.at
  clock.at += 10
  apart.succeeded('another')
  clock.at += 10
  // All is away from now on.
  expect(apart.failed('a', begunAt, away)).toBe(false)
  expect(fail('a', 100)).toBe(false)
  expect(fail('a', 100)).toBe(false)
  apart.succeeded('another')
  expect(fail('a', 100)).toBe(true)
})

test('I6 a statement that takes too long once is given longer before its tenant is set apart', () => {
  const { apart, fail, clock } = start()
  expect(apart.patienceMs('a')).toBe(usualMs)
  clock.at += 1
  const startedAt = clock.at
  clock.at += usualMs
  apart.succeeded('another')
  expect(apart.failed('a', startedAt, tooSlow)).toBe(false)
  expect(apart.patienceMs('a')).toBe(2 * usualMs)
  expect(apart.patienceMs('another')).toBe(usualMs)
  clock.at += 1
  apart.succeeded('another')
  expect(fail('a', 2 * usualMs, tooSlow)).toBe(true)
})

test('I6 the long pause of one tenant delays no other', async () => {
  const { clock, setApart, come } = start()
  setApart('long')
  for (let i = 0; i < 6; i++) {
    clock.at += 20_000
    await come('long', failing)
  }
  expect(await come('long', failing)).toBeGreaterThan(10_000)
  setApart('new')
  expect(await come('new', failing)).toBeLessThan(1_100)
})

test('I6 those that are set apart are tried in turn, so that one that is back is soon applied', async () => {
  const { apart, clock, setApart, come } = start()
  const hung = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const id of hung) setApart(id)
  setApart('back')
  clock.at += 2_000
  // Each comes once a second, those that hang before the other, and a try of theirs ends after five.
  const ending: { at: number; end: () => void }[] = []
  for (let second = 0; second < 60 && apart.has('back'); second++) {
    for (const { at, end } of ending.splice(0)) {
      if (at <= clock.at) end()
      else ending.push({ at, end })
    }
    await new Promise((resolve) => setImmediate(resolve))
    for (const id of hung) {
      const hangs = async () =>
        new Promise<void>((_, reject) => {
          ending.push({ at: clock.at + usualMs, end: () => reject(away) })
        })
      void come(id, hangs)
    }
    await come('back', async () => apart.succeeded('back'))
    clock.at += 1_000
  }
  expect(apart.has('back')).toBe(false)
})

test('I6 those that wait leave room where they came from, however little that is', async () => {
  const given: unknown[] = []
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  const room = createWaitingRoom({ attempt: async () => false, gather: () => {} })
  const items = Array.from({ length: 10 }, () => ({
    signal: stopping.signal,
    places: 16,
    reject: (error: unknown) => void given.push(error),
  }))
  for (let tenant = 0; tenant < 6; tenant++) room.enter(`tenant ${tenant}`, items)
  await expect.poll(() => given.length).toBe(60 - 8)
  stopping.abort()
  await expect.poll(() => given.length).toBe(60)
})
