import { normalUpper, studentUpper } from './distributions.ts'
import { deviationOf, sum, type Values } from './sums.ts'

/** Both ends of an interval, the lower one first. */
export type Interval = readonly [lower: number, upper: number]

/** @returns the interval of the mean by Student's t; null for fewer than two values */
export function meanInterval(values: Values, confidence = 0.95): Interval | null {
  const deviation = deviationOf(values)
  if (deviation === null) return null
  const n = values.length
  const half = (studentUpper((1 - confidence) / 2, n - 1) * deviation) / Math.sqrt(n)
  const middle = sum(values) / n
  return Number.isFinite(half) ? [middle - half, middle + half] : null
}

/**
 * Returns Wilson's score interval of a rate.
 * @param n at least 1
 */
export function rateInterval(successes: number, n: number, confidence = 0.95): Interval {
  const z2 = normalUpper((1 - confidence) / 2) ** 2
  const rate = successes / n
  const middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
  const half = Math.sqrt(z2 * ((rate * (1 - rate)) / n + z2 / (4 * n * n))) / (1 + z2 / n)
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

/**
 * Returns Tango's score interval of the difference of two paired rates, (c − b) / n. It stays within −1 … 1 and is of use
 * when b or c is 0 (Tango 1998, Statistics in Medicine 17:891).
 * @param b pairs of which only the first passes
 * @param c pairs of which only the second passes
 * @param n all pairs, at least 1
 */
export function pairedRateInterval(b: number, c: number, n: number, confidence = 0.95): Interval {
  const z = normalUpper((1 - confidence) / 2)
  const difference = (c - b) / n
  const upper = rootOf((delta) => tangoScore(b, c, n, delta) + z, difference, 1)
  const lower = rootOf((delta) => tangoScore(b, c, n, delta) - z, -1, difference)
  return [lower, upper]
}

/** The score statistic of the hypothesis that the rates differ by delta. It falls as delta grows. */
function tangoScore(b: number, c: number, n: number, delta: number): number {
  const linear = -b - c + (2 * n - c + b) * delta
  const constant = -b * delta * (1 - delta)
  const onlyFirst = (Math.sqrt(Math.max(0, linear ** 2 - 8 * n * constant)) - linear) / (4 * n)
  const variance = n * (2 * onlyFirst + delta * (1 - delta))
  const excess = c - b - n * delta
  if (variance <= 0) return excess === 0 ? 0 : excess * Infinity
  return excess / Math.sqrt(variance)
}

/** Halves the interval in which a falling function changes its sign until its ends are neighbours. */
function rootOf(f: (x: number) => number, from: number, to: number): number {
  let [low, high] = [from, to]
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return middle
    if (f(middle) > 0) low = middle
    else high = middle
  }
}
