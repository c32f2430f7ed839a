import {
  booleanDifference,
  type Difference,
  type DifferenceOptions,
  type Direction,
  exactLimit,
  judge,
  numericDifference,
  type Verdict,
} from './difference.ts'

/** What is known of one measure of two experiments; see ComparedMeasure. */
export interface MeasuredPairs {
  pairs: number
  meanDifference: number | null
  deviation: number | null
  equal: number
  isBinary: boolean
  baselineOnlyPasses: number
  candidateOnlyPasses: number
  differences: readonly number[] | null
}

export interface Judgement extends Difference {
  verdict: Verdict
}

/** How many differences `judgementOf` wants to see one by one. */
export const listedDifferences = exactLimit

/** Judges one measure: passes and failures by McNemar and Tango, everything else by Student's t or exact signs. */
export function judgementOf(
  measure: MeasuredPairs,
  direction: Direction,
  { margin = 0, ...options }: DifferenceOptions & { margin?: number | undefined } = {},
): Judgement {
  const difference = measure.isBinary
    ? booleanDifference(
        {
          n: measure.pairs,
          onlyBaseline: measure.baselineOnlyPasses,
          onlyCandidate: measure.candidateOnlyPasses,
        },
        options,
      )
    : numericDifference(
        {
          n: measure.pairs,
          mean: measure.meanDifference,
          standardDeviation: measure.deviation,
          isIdentical: measure.equal === measure.pairs,
          ...(measure.differences === null ? {} : { differences: measure.differences }),
        },
        options,
      )
  return { ...difference, verdict: judge(difference, direction, margin) }
}
