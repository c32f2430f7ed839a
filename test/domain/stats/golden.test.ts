import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bowker, type ChiSquared, stuartMaxwell } from '../../../src/domain/stats/categories.ts'
import { booleanDifference, numericDifference } from '../../../src/domain/stats/difference.ts'
import { studentTwoSided, studentUpper } from '../../../src/domain/stats/distributions.ts'
import {
  type Interval,
  meanInterval,
  pairedRateInterval,
  rateInterval,
} from '../../../src/domain/stats/intervals.ts'
import {
  benjaminiHochberg,
  holm,
  mcNemarExact,
  signFlipExact,
} from '../../../src/domain/stats/tests.ts'
import { mean, pairsOf } from './pairs-of.ts'

/** What scipy and statsmodels say: fixtures/statistics/write.py. */
const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics/golden.json', import.meta.url), 'utf8'),
) as {
  paired: {
    baseline?: number[][]
    candidate?: number[][]
    differences: number[]
    delta: number
    standardError: number
    t: number
    p: number
    interval: Interval
    signFlip: number
  }[]
  mcNemar: { b: number; c: number; p: number; midP: number }[]
  tango: { b: number; c: number; n: number; confidence: number; interval: Interval }[]
  wilson: { successes: number; n: number; interval: Interval }[]
  categories: { moves: number[][]; stuartMaxwell: ChiSquared; bowker: ChiSquared }
  families: { ps: number[]; holm: number[]; benjaminiHochberg: number[] }
  studentUpper: { tail: number; df: number; quantile: number }[]
}

/** Equal to 12 digits, or to 12 places when it is close to 0. */
function expectEqual(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  for (const [i, value] of actual.entries()) {
    const wanted = expected[i]!
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(wanted)))
  }
}

test.each(golden.paired)('pairs: %#', (wanted) => {
  const { differences, baseline, candidate } = wanted
  if (baseline !== undefined && candidate !== undefined)
    expectEqual(
      candidate.map((some, i) => mean(some) - mean(baseline[i]!)),
      differences,
    )
  const { differences: _, ...summary } = pairsOf(differences)
  const { delta, standardError, interval, p, method } = numericDifference(summary, {
    leastPairs: 2,
  })
  expect(method).toBe('paired t')
  expectEqual(
    [delta!, standardError!, delta! / standardError!, p!],
    [wanted.delta, wanted.standardError, wanted.t, wanted.p],
  )
  expectEqual(interval!, wanted.interval)
  expectEqual(meanInterval(differences)!, wanted.interval)
  expectEqual([signFlipExact(differences)], [wanted.signFlip])
  const few = numericDifference(pairsOf(differences), { leastPairs: 2 })
  expect(few).toMatchObject({ method: 'exact sign flip', interval })
  expectEqual([few.p!], [wanted.signFlip])
})

test.each(golden.mcNemar)('McNemar of $b and $c', ({ b, c, p, midP }) => {
  const found = mcNemarExact(b, c)
  expectEqual([found.p, found.midP], [p, midP])
})

test.each(golden.tango)('Tango of $b and $c of $n', ({ b, c, n, confidence, interval }) => {
  expectEqual(pairedRateInterval(b, c, n, confidence), interval)
  const pairs = { n, onlyBaseline: b, onlyCandidate: c }
  expectEqual(booleanDifference(pairs, { confidence }).interval!, interval)
})

test('Tango as R prints it: pairbinci(7, 1, 21) of ratesci, scoreci.mp(25, 28, 618) of PropCIs', () => {
  const round = (interval: Interval, digits: number): string[] =>
    interval.map((end) => end.toFixed(digits))
  expect(round(pairedRateInterval(7, 1, 21), 3)).toEqual(['-0.517', '-0.026'])
  expect(round(pairedRateInterval(25, 28, 618, 0.9), 4)).toEqual(['-0.0148', '0.0247'])
})

test('Tango where nothing or everything changes', () => {
  expect(pairedRateInterval(10, 0, 10)[0]).toBe(-1)
  expect(pairedRateInterval(0, 10, 10)[1]).toBe(1)
  const [low, high] = pairedRateInterval(0, 0, 10)
  expect(high).toBeGreaterThan(0.2)
  expect(low).toBeCloseTo(-high, 12)
})

test.each(golden.wilson)('Wilson of $successes of $n', ({ successes, n, interval }) => {
  expectEqual(rateInterval(successes, n), interval)
})

describe('categories', () => {
  const { moves, ...wanted } = golden.categories
  test('Stuart and Maxwell, Bowker', () => {
    for (const [found, { statistic, df, p }] of [
      [stuartMaxwell(moves)!, wanted.stuartMaxwell],
      [bowker(moves)!, wanted.bowker],
    ] as const) {
      expectEqual([found.statistic, found.df, found.p], [statistic, df, p])
    }
  })

  test('a category that nothing joins or leaves changes nothing', () => {
    const wider = [...moves.map((row) => [...row, 0]), [0, 0, 0, 9]]
    expect(stuartMaxwell(wider)).toEqual(stuartMaxwell(moves))
    expect(bowker(wider)).toEqual(bowker(moves))
    const still = [
      [3, 0],
      [0, 2],
    ]
    expect([stuartMaxwell(still), bowker(still)]).toEqual([null, null])
  })

  test('of two categories, Stuart and Maxwell say what McNemar does without a correction; groups apart add up', () => {
    const pair = [
      [9, 4],
      [12, 7],
    ]
    expect(stuartMaxwell(pair)).toMatchObject({ statistic: (12 - 4) ** 2 / 16, df: 1 })
    const apart = [
      [9, 4, 0, 0],
      [12, 7, 0, 0],
      [0, 0, 3, 9],
      [0, 0, 1, 2],
    ]
    const both = stuartMaxwell(apart)!
    expect(both.df).toBe(2)
    expectEqual([both.statistic], [4 + 6.4])
  })
})

test('families', () => {
  const { families } = golden
  expectEqual(holm(families.ps), families.holm)
  expectEqual(benjaminiHochberg(families.ps), families.benjaminiHochberg)
  expect([holm([]), benjaminiHochberg([])]).toEqual([[], []])
})

test.each(golden.studentUpper)("Student's t above which $tail lies, df $df", (each) => {
  const { tail, df, quantile } = each
  expect(Math.abs(studentUpper(tail, df) / quantile - 1)).toBeLessThan(1e-12)
  expectEqual([studentTwoSided(quantile, df)], [2 * tail])
})
