import { setImmediate } from 'node:timers'
import { expect, test } from 'vitest'
import { createPauses } from '../../../src/http/runmill/pauses.ts'

/** How often something else had its turn. */
async function turnsWithin(work: () => Promise<void>): Promise<number> {
  let turns = 0
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  await work()
  clearImmediate(next)
  return turns
}

test('many small measures give way like one that is large, and a few do not', async () => {
  const pause = createPauses()
  const measures = (count: number, examples: number) => async () => {
    for (let i = 0; i < count; i++) await pause(examples)
  }
  expect(await turnsWithin(measures(10, 10))).toBe(0)
  expect(await turnsWithin(measures(1000, 10))).toBeGreaterThan(5)
  expect(await turnsWithin(measures(10, 1_000_000))).toBeGreaterThan(5)
})
