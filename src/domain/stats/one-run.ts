import { normalUpper, studentUpper } from './distributions.ts'
import type { Interval } from './intervals.ts'

/** What is known of one measure of one experiment, over its examples. */
export interface MeasuredExamples {
  /** The number of examples that have a value. */
  examples: number
  mean: number
  /** Of the examples' means, with n − 1; null for fewer than two. */
  deviation: number | null
  /** All values are 0 or 1, one for each example. */
  isBinary: boolean
}

/**
 * The interval of a mean over examples: Wilson's score interval of a rate, otherwise Student's t.
 * @returns null where nothing can be said: fewer than two examples, or values without any spread
 */
export function meanInterval(
  { examples, mean, deviation, isBinary }: MeasuredExamples,
  confidence = 0.95,
): Interval | null {
  const tail = (1 - confidence) / 2
  if (isBinary) return rateInterval(mean, examples, normalUpper(tail))
  if (examples < 2 || deviation === null || deviation === 0) return null
  const half = (studentUpper(tail, examples - 1) * deviation) / Math.sqrt(examples)
  return [mean - half, mean + half]
}

function rateInterval(rate: number, n: number, z: number): Interval | null {
  if (n === 0) return null
  const share = (z * z) / n
  const centre = (rate + share / 2) / (1 + share)
  const half = (z / (1 + share)) * Math.sqrt((rate * (1 - rate)) / n + share / (4 * n))
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}
