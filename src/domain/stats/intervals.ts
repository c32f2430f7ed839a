import { normalUpper } from './distributions.ts'

/** Both ends of an interval, the lower one first. */
export type Interval = readonly [lower: number, upper: number]

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
