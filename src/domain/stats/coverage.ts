import {
  baselineFailed,
  baselineUnfinished,
  candidateFailed,
  candidateUnfinished,
  inBaseline,
  inCandidate,
  type Pairing,
} from './pairing.ts'

/** How the executions of two experiments cover the examples. Counts are of examples. */
export interface Coverage {
  examples: number
  both: number
  onlyBaseline: number
  onlyCandidate: number
  /** Those of only the candidate that were made after the baseline began. */
  added: number
  /** Examples of both of which the candidate failed, and the baseline did not. */
  newlyErrored: number
  /** Examples of which an execution failed. */
  baselineErrored: number
  candidateErrored: number
  /** Examples of which an execution has not ended. */
  baselineUnfinished: number
  candidateUnfinished: number
  /** Examples of both whose content changed between the starts of the two experiments. */
  changed: number
}

/**
 * Counts the examples.
 * @param facts when each was created, in microseconds since 1970, which have changed, and which count (null: all)
 * @param baselineStart microseconds since 1970
 */
export function coverageOf(
  { size, sides }: Pairing,
  facts: { created: Float64Array; changed: Uint8Array; isChosen: Uint8Array | null },
  baselineStart: number,
): Coverage {
  const coverage: Coverage = {
    examples: 0,
    both: 0,
    onlyBaseline: 0,
    onlyCandidate: 0,
    added: 0,
    newlyErrored: 0,
    baselineErrored: 0,
    candidateErrored: 0,
    baselineUnfinished: 0,
    candidateUnfinished: 0,
    changed: 0,
  }
  for (let place = 0; place < size; place++) {
    if (facts.isChosen !== null && facts.isChosen[place] !== 1) continue
    const side = sides[place]!
    const hasBaseline = (side & inBaseline) !== 0
    const hasFailed = (side & candidateFailed) !== 0
    coverage.examples++
    if (!hasBaseline) {
      coverage.onlyCandidate++
      if (facts.created[place]! > baselineStart) coverage.added++
    } else if ((side & inCandidate) === 0) coverage.onlyBaseline++
    else {
      coverage.both++
      if (facts.changed[place] === 1) coverage.changed++
    }
    if (hasFailed) coverage.candidateErrored++
    if (hasFailed && hasBaseline && (side & baselineFailed) === 0) coverage.newlyErrored++
    if ((side & baselineFailed) !== 0) coverage.baselineErrored++
    if ((side & baselineUnfinished) !== 0) coverage.baselineUnfinished++
    if ((side & candidateUnfinished) !== 0) coverage.candidateUnfinished++
  }
  return coverage
}
