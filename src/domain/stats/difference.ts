import { normalUpper, studentTwoSided, studentUpper } from './distributions.ts'
import { type Interval, pairedRateInterval } from './intervals.ts'
import { mcNemarExact, signFlipExact } from './tests.ts'

/** How the interval and the p of a difference were found. */
export type Method = 'paired t' | 'exact sign flip' | 'exact McNemar, Tango interval' | 'none'

/** How a candidate differs from its baseline in one measure, over the examples that both have. */
export interface Difference {
  /** The number of pairs. */
  n: number
  /** Candidate minus baseline, in units of the measure; null without pairs. */
  delta: number | null
  standardError: number | null
  /** In which the difference lies with the given confidence; null when it cannot be told. */
  interval: Interval | null
  /** Two-sided; null when it cannot be told. */
  p: number | null
  method: Method
  /** delta in standard deviations of the differences of the pairs. */
  effect: number | null
  /** What is found in four of five such experiments, at a level of 5 %: smaller differences may stay unseen. */
  detectable: number | null
  /** Every pair is equal, and there are enough of them. */
  isIdentical: boolean
}

/** What is known of the pairs of a numeric measure: the differences, candidate minus baseline, one for each example. */
export interface NumericPairs {
  n: number
  /** null without pairs. */
  mean: number | null
  /** With n − 1; null for fewer than two pairs. */
  standardDeviation: number | null
  /** Every difference is 0, within the tolerance of the measure. */
  isIdentical: boolean
  /** All the differences, when there are at most `exactLimit`. */
  differences?: readonly number[]
}

/** What is known of the pairs of a measure that passes or fails once for each example. */
export interface BooleanPairs {
  n: number
  /** Pairs of which only the baseline passes. */
  onlyBaseline: number
  /** Pairs of which only the candidate passes. */
  onlyCandidate: number
}

/** Up to this number of pairs, p counts all choices of signs instead of assuming a distribution. */
export const exactLimit = 15
/** With fewer pairs nothing is judged, unless the caller asks for it. */
export const usualLeastPairs = 5

export interface DifferenceOptions {
  /** Of the interval. Default 0.95. */
  confidence?: number
  /** The fewest pairs for which p and interval are told. */
  leastPairs?: number
}

const none = {
  standardError: null,
  interval: null,
  p: null,
  method: 'none',
  effect: null,
  detectable: null,
} as const

/** Deviations this small, relative to the mean, are taken for 0. */
const rounding = 1e-9

/** Student's t over the examples; the exact test of signs for few. */
export function numericDifference(
  { n, mean, standardDeviation, isIdentical, differences }: NumericPairs,
  { confidence = 0.95, leastPairs = usualLeastPairs }: DifferenceOptions = {},
): Difference {
  const known = { n, delta: mean, isIdentical: n >= leastPairs && isIdentical }
  // An interval without any width would not be certainty, and rounding alone gives it a little.
  if (mean === null || standardDeviation === null || n < leastPairs) return { ...known, ...none }
  if (standardDeviation <= rounding * Math.abs(mean)) return { ...known, ...none }
  const standardError = standardDeviation / Math.sqrt(n)
  const half = studentUpper((1 - confidence) / 2, n - 1) * standardError
  if (!Number.isFinite(half)) return { ...known, ...none }
  const isExact = differences !== undefined && n <= exactLimit
  return {
    ...known,
    standardError,
    interval: [mean - half, mean + half],
    p: isExact ? signFlipExact(differences) : studentTwoSided(mean / standardError, n - 1),
    method: isExact ? 'exact sign flip' : 'paired t',
    effect: mean / standardDeviation,
    detectable: detectableOf(standardError),
  }
}

/** McNemar's exact test and Tango's interval. */
export function booleanDifference(
  { n, onlyBaseline, onlyCandidate }: BooleanPairs,
  { confidence = 0.95, leastPairs = usualLeastPairs }: DifferenceOptions = {},
): Difference {
  const delta = n === 0 ? null : (onlyCandidate - onlyBaseline) / n
  const known = { n, delta, isIdentical: n >= leastPairs && onlyBaseline + onlyCandidate === 0 }
  if (delta === null || n < leastPairs) return { ...known, ...none }
  const changed = (onlyBaseline + onlyCandidate) / n
  const deviation = Math.sqrt(((changed - delta ** 2) * n) / (n - 1))
  const standardError = deviation / Math.sqrt(n)
  return {
    ...known,
    standardError,
    interval: pairedRateInterval(onlyBaseline, onlyCandidate, n, confidence),
    p: mcNemarExact(onlyBaseline, onlyCandidate).p,
    method: 'exact McNemar, Tango interval',
    effect: deviation === 0 ? null : delta / deviation,
    detectable: deviation === 0 ? null : detectableOf(standardError),
  }
}

/** The level of 5 % on both sides, and a power of 80 %. */
const detectableErrors = normalUpper(0.025) + normalUpper(0.2)

function detectableOf(standardError: number): number {
  return detectableErrors * standardError
}

/** Which way of a measure is good. */
export type Direction = 'higher' | 'lower'

/**
 * identical: every pair is equal. better: the whole interval is on the good side. not worse: it stays within the margin.
 * worse: all of it is on the bad side, beyond the margin. undecided: the interval allows both. cannot judge: there are
 * too few pairs, or no interval.
 */
export type Verdict = 'identical' | 'better' | 'not worse' | 'worse' | 'undecided' | 'cannot judge'

/**
 * Judges by the interval alone.
 * @param margin how much worse, in units of the measure, still counts as not worse; 0 or more
 */
export function judge(difference: Difference, direction: Direction, margin = 0): Verdict {
  if (difference.isIdentical) return 'identical'
  if (difference.interval === null) return 'cannot judge'
  const [low, high] = difference.interval
  const [worst, best] = direction === 'higher' ? [low, high] : [-high, -low]
  if (worst > 0) return 'better'
  if (worst > -margin) return 'not worse'
  return best < -margin ? 'worse' : 'undecided'
}
