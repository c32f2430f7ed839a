import {
  type ExperimentColumns,
  failed,
  type MeasureColumn,
  unfinished,
} from './experiment-columns.ts'
import { Growing } from './growing.ts'

/** The examples of two experiments, in the order of their ids. */
export interface Pairing {
  size: number
  /** Four numbers for each example. */
  ids: Uint32Array
  /** Bits of each example: which sides executed it, and how that went. */
  sides: Uint8Array
  /** The place here of each example of the baseline, and of the candidate. Ascending. */
  baselinePlaces: Uint32Array
  candidatePlaces: Uint32Array
}

export const inBaseline = 1
export const inCandidate = 2
export const baselineFailed = 4
export const candidateFailed = 8
export const baselineUnfinished = 16
export const candidateUnfinished = 32

/** Puts the examples of both side by side. */
export function pairUp(baseline: ExperimentColumns, candidate: ExperimentColumns): Pairing {
  const ids = new Growing(Uint32Array)
  const sides = new Growing(Uint8Array)
  const baselinePlaces = new Uint32Array(baseline.size)
  const candidatePlaces = new Uint32Array(candidate.size)
  let size = 0
  for (let a = 0, b = 0; a < baseline.size || b < candidate.size; size++) {
    const order =
      a === baseline.size
        ? 1
        : b === candidate.size
          ? -1
          : compareIds(baseline.ids, a, candidate.ids, b)
    const [source, at] = order <= 0 ? [baseline.ids, a] : [candidate.ids, b]
    for (let word = 0; word < 4; word++) ids.push(source[4 * at + word]!)
    let side = 0
    if (order <= 0) {
      const flags = baseline.flags[a]!
      side |= inBaseline
      if (flags & failed) side |= baselineFailed
      if (flags & unfinished) side |= baselineUnfinished
      baselinePlaces[a++] = size
    }
    if (order >= 0) {
      const flags = candidate.flags[b]!
      side |= inCandidate
      if (flags & failed) side |= candidateFailed
      if (flags & unfinished) side |= candidateUnfinished
      candidatePlaces[b++] = size
    }
    sides.push(side)
  }
  return { size, ids: ids.done(), sides: sides.done(), baselinePlaces, candidatePlaces }
}

/** Orders two of the ids as their texts are. */
export function compareIds(left: Uint32Array, a: number, right: Uint32Array, b: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = left[4 * a + word]! - right[4 * b + word]!
    if (difference !== 0) return difference
  }
  return 0
}

/** A measure of both sides. */
export interface MeasurePair {
  key: string
  isScore: boolean
  baseline: MeasureColumn | undefined
  candidate: MeasureColumn | undefined
}

/** Lists what either side has: scores first, by key; latency, tokens and cost only where no score has that name. */
export function measurePairs(
  baseline: ExperimentColumns,
  candidate: ExperimentColumns,
): MeasurePair[] {
  const scores = [...new Set([...baseline.scores.keys(), ...candidate.scores.keys()])]
  const taken = [...new Set([...baseline.taken.keys(), ...candidate.taken.keys()])]
  return [
    ...scores.toSorted(byCodePoint).map((key) => ({
      key,
      isScore: true,
      baseline: baseline.scores.get(key),
      candidate: candidate.scores.get(key),
    })),
    ...taken
      .filter((key) => !baseline.scores.has(key) && !candidate.scores.has(key))
      .toSorted(byCodePoint)
      .map((key) => ({
        key,
        isScore: false,
        baseline: baseline.taken.get(key),
        candidate: candidate.taken.get(key),
      })),
  ]
}

/** Orders texts as their bytes in UTF-8 are. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

/** Half of a character beyond all that have one unit. */
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000
}

/** What is told of one example: the means, and of how many executions they are. */
export type EachExample = (place: number, a: number, b: number, ka: number, kb: number) => void

/**
 * Walks through the examples for which a side has a value, in their order. NaN stands for no value, of no execution.
 * @param isChosen the examples that count; null: all
 */
export function walk(
  { baselinePlaces, candidatePlaces }: Pairing,
  { baseline, candidate }: Pick<MeasurePair, 'baseline' | 'candidate'>,
  isChosen: Uint8Array | null,
  each: EachExample,
): void {
  const [aSize, bSize] = [baseline?.at.length ?? 0, candidate?.at.length ?? 0]
  for (let i = 0, j = 0; i < aSize || j < bSize; ) {
    const aPlace = i < aSize ? baselinePlaces[baseline!.at[i]!]! : Infinity
    const bPlace = j < bSize ? candidatePlaces[candidate!.at[j]!]! : Infinity
    const place = Math.min(aPlace, bPlace)
    const [hasA, hasB] = [aPlace === place, bPlace === place]
    if (isChosen === null || isChosen[place] === 1) {
      each(
        place,
        hasA ? baseline!.mean[i]! : NaN,
        hasB ? candidate!.mean[j]! : NaN,
        hasA ? baseline!.k[i]! : 0,
        hasB ? candidate!.k[j]! : 0,
      )
    }
    if (hasA) i++
    if (hasB) j++
  }
}

/** How a value changed beyond the tolerance. missing: a side has none. */
export type Change = 'higher' | 'lower' | 'equal' | 'missing'

export function changeOf(difference: number, tolerance: number): Change {
  if (Number.isNaN(difference)) return 'missing'
  if (difference > tolerance) return 'higher'
  return difference < -tolerance ? 'lower' : 'equal'
}
