import { expect, test } from 'vitest'
import { meanInterval } from '../../../src/domain/stats/one-run.ts'

const rate = (passed: number, examples: number) =>
  meanInterval({ examples, mean: passed / examples, deviation: null, isBinary: true })

test("a rate has Wilson's interval, as statsmodels gives it", () => {
  const [low, high] = rate(17, 20)!
  expect(low).toBeCloseTo(0.6395811353, 9)
  expect(high).toBeCloseTo(0.9476312541, 9)
  expect(rate(5, 5)![0]).toBeCloseTo(0.5655175352, 9)
  expect(rate(5, 5)![1]).toBe(1)
  expect(rate(0, 5)![0]).toBe(0)
})

test("a mean has Student's interval over the examples", () => {
  // scipy.stats.t.interval(0.95, 4, loc=3, scale=sem([1, 2, 3, 4, 5]))
  const interval = meanInterval({
    examples: 5,
    mean: 3,
    deviation: Math.sqrt(2.5),
    isBinary: false,
  })!
  expect(interval[0]).toBeCloseTo(1.0367568385, 9)
  expect(interval[1]).toBeCloseTo(4.9632431615, 9)
})

test('there is no interval without two examples, or without any spread', () => {
  const none = { mean: 1, isBinary: false }
  expect(meanInterval({ ...none, examples: 1, deviation: null })).toBeNull()
  expect(meanInterval({ ...none, examples: 9, deviation: 0 })).toBeNull()
  expect(meanInterval({ ...none, examples: 0, deviation: null, isBinary: true })).toBeNull()
})
