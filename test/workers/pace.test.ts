import { expect, test } from 'vitest'
import { createPace } from '../../workers/pace.ts'

const key = { tenantId: 't', experimentId: 'e' }

function openPace() {
  let now = 0
  const pace = createPace(() => now)
  const take = async (ms: number) =>
    pace.measure(key, async () => {
      now += ms
    })
  return { pace, take }
}

test('a large experiment rests twenty times as long as its refresh takes, and at most a minute', async () => {
  const { pace, take } = openPace()
  expect(pace.delayMs(key)).toBe(250)
  await take(400)
  await take(400)
  expect(pace.delayMs(key)).toBe(8_000)
  await take(5_000)
  await take(5_000)
  expect(pace.delayMs(key)).toBe(60_000)
})

test('an outage during a refresh does not count as work', async () => {
  const { pace, take } = openPace()
  await take(20)
  await take(30_000)
  expect(pace.delayMs(key)).toBe(400)
  await take(20)
  expect(pace.delayMs(key)).toBe(400)
})

test('an outage during the first refresh of all counts as little', async () => {
  const { pace, take } = openPace()
  await take(30_000)
  expect(pace.delayMs(key)).toBe(5_000)
  await take(20)
  expect(pace.delayMs(key)).toBe(400)
})
