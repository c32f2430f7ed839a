import { meanInterval, rateInterval, type Interval } from './intervals.ts'
import type { Direction } from './difference.ts'
import { listedDifferences, type MeasuredPairs } from './judgement.ts'
import { deviationOf, meanOf } from './sums.ts'
import {
  baselineFailed,
  candidateFailed,
  changeOf,
  inBaseline,
  inCandidate,
  type MeasurePair,
  type Pairing,
  walk,
} from './pairing.ts'

/** One measure over the examples of two experiments. A pair is an example for which both sides have a value. */
export interface ComparedMeasure extends MeasuredPairs {
  key: string
  /** False for latency, tokens and cost. */
  isScore: boolean
  /** Of each side alone, over the pairs. */
  baselineMean: number | null
  candidateMean: number | null
  baselineInterval: Interval | null
  candidateInterval: Interval | null
  /** Pairs with a greater value for the candidate, and with a smaller one. */
  higher: number
  lower: number
  /** Examples of which only one side has a value. */
  onlyBaseline: number
  onlyCandidate: number
  /** Those of them that the other side has executed without a failure: a score is missing, or has not arrived yet. */
  baselineUnscored: number
  candidateUnscored: number
  /** Executions that the pairs consist of. */
  baselineExecutions: number
  candidateExecutions: number
  /** The scores were given by the same configs on both sides. */
  isSameConfig: boolean
}

export interface MeasureOptions {
  /** The examples that count; null: all. */
  isChosen: Uint8Array | null
  /** Differences up to this count as equal. */
  tolerance: number
  confidence: number
}

/** Sums up one measure. */
export function compareMeasure(
  pairing: Pairing,
  pair: MeasurePair,
  { isChosen, tolerance, confidence }: MeasureOptions,
): ComparedMeasure {
  const pairs = collect(pairing, pair, isChosen)
  const { as, bs, ...counts } = pairs
  const isBinary = pairs.isBinary && as.length > 0
  const sideInterval = (values: Float64Array, mean: number | null): Interval | null => {
    if (mean === null) return null
    if (!isBinary) return meanInterval(values, confidence)
    return rateInterval(Math.round(mean * values.length), values.length, confidence)
  }
  const [baselineMean, candidateMean] = [meanOf(as), meanOf(bs)]
  return {
    key: pair.key,
    isScore: pair.isScore,
    ...summarize(as, bs, isBinary, tolerance),
    baselineMean,
    candidateMean,
    baselineInterval: sideInterval(as, baselineMean),
    candidateInterval: sideInterval(bs, candidateMean),
    onlyBaseline: counts.onlyBaseline,
    onlyCandidate: counts.onlyCandidate,
    baselineUnscored: counts.baselineUnscored,
    candidateUnscored: counts.candidateUnscored,
    baselineExecutions: counts.baselineExecutions,
    candidateExecutions: counts.candidateExecutions,
    isSameConfig: isSameConfig(pair),
  }
}

/** What the difference would be if each failed execution that has no score had the worst one. */
export interface WorstCase extends MeasuredPairs {
  /** The worst score that either side has. */
  worst: number
  /** Examples that get it, on one side or both. */
  filled: number
  /** Pairs with a greater value for the candidate, and with a smaller one. */
  higher: number
  lower: number
  /** Examples of which only one side has a value, even so. */
  missing: number
}

/** @returns null when no failed example lacks the score, or nobody has one */
export function worstCase(
  pairing: Pairing,
  pair: MeasurePair,
  direction: Direction,
  { isChosen, tolerance }: MeasureOptions,
): WorstCase | null {
  if (!pairing.sides.some((side) => (side & (baselineFailed | candidateFailed)) !== 0)) return null
  const both = inBaseline | inCandidate
  const known = new Uint8Array(pairing.size)
  let worst: number | null = null
  let isBinary = true
  const isWorse = (value: number, than: number): boolean =>
    direction === 'higher' ? value < than : value > than
  walk(pairing, pair, isChosen, (place, a, b, ka, kb) => {
    known[place] = 1
    for (const [value, k] of [
      [a, ka],
      [b, kb],
    ] as const) {
      if (k === 0) continue
      if (worst === null || isWorse(value, worst)) worst = value
      if ((value !== 0 && value !== 1) || k > 1) isBinary = false
    }
  })
  if (worst === null) return null
  const replacement = isBinary ? (direction === 'higher' ? 0 : 1) : (worst as number)
  const as: number[] = []
  const bs: number[] = []
  let [filled, missing] = [0, 0]
  walk(pairing, pair, isChosen, (place, a, b) => {
    const side = pairing.sides[place]!
    let [left, right] = [a, b]
    if (Number.isNaN(a) && side & baselineFailed) left = replacement
    if (Number.isNaN(b) && side & candidateFailed) right = replacement
    if (Number.isNaN(left) || Number.isNaN(right)) {
      missing++
      return
    }
    if (left !== a || right !== b) filled++
    as.push(left)
    bs.push(right)
  })
  for (let place = 0; place < pairing.size; place++) {
    const side = pairing.sides[place]!
    if (known[place] === 1 || (isChosen !== null && isChosen[place] !== 1)) continue
    if ((side & both) !== both || !(side & baselineFailed) || !(side & candidateFailed)) continue
    filled++
    as.push(replacement)
    bs.push(replacement)
  }
  if (filled === 0) return null
  const summary = summarize(Float64Array.from(as), Float64Array.from(bs), isBinary, tolerance)
  return { ...summary, worst: replacement, filled, missing }
}

interface Collected {
  /** The values of both sides, of the pairs. */
  as: Float64Array
  bs: Float64Array
  isBinary: boolean
  onlyBaseline: number
  onlyCandidate: number
  baselineUnscored: number
  candidateUnscored: number
  baselineExecutions: number
  candidateExecutions: number
}

function collect(pairing: Pairing, pair: MeasurePair, isChosen: Uint8Array | null): Collected {
  const most = Math.min(pair.baseline?.at.length ?? 0, pair.candidate?.at.length ?? 0)
  const [as, bs] = [new Float64Array(most), new Float64Array(most)]
  let n = 0
  const found = {
    isBinary: true,
    onlyBaseline: 0,
    onlyCandidate: 0,
    baselineUnscored: 0,
    candidateUnscored: 0,
    baselineExecutions: 0,
    candidateExecutions: 0,
  }
  walk(pairing, pair, isChosen, (place, a, b, ka, kb) => {
    const side = pairing.sides[place]!
    if (ka > 0 && kb > 0) {
      as[n] = a
      bs[n++] = b
      found.baselineExecutions += ka
      found.candidateExecutions += kb
      if (ka > 1 || kb > 1 || (a !== 0 && a !== 1) || (b !== 0 && b !== 1)) found.isBinary = false
    } else if (ka > 0) {
      found.onlyBaseline++
      if (side & inCandidate && !(side & candidateFailed)) found.candidateUnscored++
    } else {
      found.onlyCandidate++
      if (side & inBaseline && !(side & baselineFailed)) found.baselineUnscored++
    }
  })
  return { as: as.subarray(0, n), bs: bs.subarray(0, n), ...found }
}

function summarize(
  as: Float64Array,
  bs: Float64Array,
  isBinary: boolean,
  tolerance: number,
): MeasuredPairs & { higher: number; lower: number } {
  const differences = bs.map((b, i) => b - as[i]!)
  const counts = { higher: 0, lower: 0, equal: 0, missing: 0 }
  let [baselineOnlyPasses, candidateOnlyPasses] = [0, 0]
  for (let i = 0; i < differences.length; i++) {
    counts[changeOf(differences[i]!, tolerance)]++
    if (as[i] === 1 && bs[i] === 0) baselineOnlyPasses++
    if (as[i] === 0 && bs[i] === 1) candidateOnlyPasses++
  }
  return {
    pairs: differences.length,
    meanDifference: meanOf(differences),
    deviation: deviationOf(differences),
    higher: counts.higher,
    lower: counts.lower,
    equal: counts.equal,
    isBinary,
    baselineOnlyPasses,
    candidateOnlyPasses,
    differences: differences.length <= listedDifferences ? [...differences] : null,
  }
}

function isSameConfig({ baseline, candidate }: MeasurePair): boolean {
  if (baseline === undefined || candidate === undefined) return true
  const [left, right] = [baseline.configs, candidate.configs]
  return left.size === right.size && [...left].every((config) => right.has(config))
}
