import { bowker, type ChiSquared, stuartMaxwell } from './categories.ts'
import {
  booleanDifference,
  type Difference,
  type DifferenceOptions,
  numericDifference,
  usualLeastPairs,
} from './difference.ts'
import { listedDifferences } from './judgement.ts'
import { deviationOf, meanOf, sum } from './sums.ts'
import { holm } from './tests.ts'
import type { CategoryColumn, ExperimentColumns } from './experiment-columns.ts'
import { byCodePoint, type Pairing } from './pairing.ts'

/** How the labels of one key are spread over the examples of two experiments. */
export interface ComparedCategory {
  key: string
  labels: string[]
  pairs: number
  onlyBaseline: number
  onlyCandidate: number
  /** Pairs by their label of the baseline (row) and of the candidate (column); null when an example has several labels. */
  moves: number[][] | null
  /** Pairs whose label is another one; null when an example has several. */
  moved: number | null
  /** Whether the shares differ, and whether as many pairs move each way. null when nothing moves. */
  stuartMaxwell: ChiSquared | null
  bowker: ChiSquared | null
  shares: ComparedShare[]
  /** The least `pHolm` of the shares. */
  leastP: number | null
  verdict: CategoryVerdict
}

/**
 * identical: no pair has another label. different: the shares of the labels differ, by Stuart and Maxwell's test, or where
 * an example has several labels by that of a single one, corrected. undecided: they may. cannot judge: there are too few
 * pairs, or no p.
 */
export type CategoryVerdict = 'different' | 'undecided' | 'identical' | 'cannot judge'

/** One label: its share of the executions of each example, over the pairs. */
export interface ComparedShare {
  label: string
  baseline: number | null
  candidate: number | null
  difference: Difference
  /** Over the labels of the key. */
  pHolm: number | null
}

/** Lists the keys by which either side has labels and neither has numbers. */
export function categoryKeys(baseline: ExperimentColumns, candidate: ExperimentColumns): string[] {
  return [...new Set([...baseline.categories.keys(), ...candidate.categories.keys()])]
    .filter((key) => !baseline.scores.has(key) && !candidate.scores.has(key))
    .toSorted(byCodePoint)
}

/** Compares the labels of one key. */
export function compareCategory(
  pairing: Pairing,
  key: string,
  baseline: CategoryColumn | undefined,
  candidate: CategoryColumn | undefined,
  { isChosen, ...options }: DifferenceOptions & { isChosen: Uint8Array | null },
): ComparedCategory {
  const labels = [...new Set([...(baseline?.labels ?? []), ...(candidate?.labels ?? [])])].toSorted(
    byCodePoint,
  )
  const left = placedShares(pairing.baselinePlaces, baseline, labels)
  const right = placedShares(pairing.candidatePlaces, candidate, labels)
  const pairs = pairIndex(pairing.size, left, right, isChosen)
  const isSingle = (baseline?.isSingle ?? true) && (candidate?.isSingle ?? true)
  const moves = isSingle ? movesOf(pairs, left, right, labels.length) : null
  const shares = labels.map((label, i): ComparedShare => {
    const [as, bs] = [sharesOf(i, left, pairs), sharesOf(i, right, pairs)]
    const difference =
      moves === null
        ? shareDifference(as, bs, options)
        : booleanDifference(
            {
              n: pairs.size,
              onlyBaseline: sum(moves[i]!) - moves[i]![i]!,
              onlyCandidate: sum(moves.map((row) => row[i]!)) - moves[i]![i]!,
            },
            options,
          )
    return { label, baseline: meanOf(as), candidate: meanOf(bs), difference, pHolm: null }
  })
  const family = shares.filter(({ difference }) => difference.p !== null)
  const corrected = holm(family.map(({ difference }) => difference.p!))
  for (const [i, share] of family.entries()) share.pHolm = corrected[i]!
  const test = moves === null ? null : stuartMaxwell(moves)
  const leastP = family.length === 0 ? null : Math.min(...corrected)
  return {
    key,
    labels,
    pairs: pairs.size,
    onlyBaseline: pairs.onlyLeft,
    onlyCandidate: pairs.onlyRight,
    moves,
    moved: moves === null ? null : pairs.size - sum(moves.map((row, i) => row[i]!)),
    stuartMaxwell: test,
    bowker: moves === null ? null : bowker(moves),
    shares,
    leastP,
    verdict: verdictOf(pairs.size, shares, moves === null ? leastP : (test?.p ?? null), options),
  }
}

function verdictOf(
  pairs: number,
  shares: readonly ComparedShare[],
  p: number | null,
  { confidence = 0.95, leastPairs = usualLeastPairs }: DifferenceOptions,
): CategoryVerdict {
  if (pairs < leastPairs) return 'cannot judge'
  if (shares.every(({ difference }) => difference.isIdentical)) return 'identical'
  if (p === null) return 'cannot judge'
  return p < 1 - confidence ? 'different' : 'undecided'
}

function shareDifference(
  as: Float64Array,
  bs: Float64Array,
  options: DifferenceOptions,
): Difference {
  const differences = bs.map((b, i) => b - as[i]!)
  return numericDifference(
    {
      n: differences.length,
      mean: meanOf(differences),
      standardDeviation: deviationOf(differences),
      isIdentical: differences.every((difference) => Math.abs(difference) <= 1e-9),
      ...(differences.length <= listedDifferences ? { differences: [...differences] } : {}),
    },
    options,
  )
}

/** The shares of one side, by the places of their examples in the pairing. Ascending. */
interface PlacedShares {
  place: Uint32Array
  /** The place of the label among those of both sides. */
  label: Uint32Array
  share: Float64Array
}

function placedShares(
  places: Uint32Array,
  column: CategoryColumn | undefined,
  labels: readonly string[],
): PlacedShares {
  if (column === undefined)
    return { place: new Uint32Array(0), label: new Uint32Array(0), share: new Float64Array(0) }
  const indexOf = column.labels.map((label) => labels.indexOf(label))
  return {
    place: column.at.map((at) => places[at]!),
    label: column.label.map((label) => indexOf[label]!),
    share: column.share,
  }
}

interface Pairs {
  size: number
  onlyLeft: number
  onlyRight: number
  /** The number of the pair by the place of its example, from 1; 0: no pair. */
  numbers: Uint32Array
}

function pairIndex(
  size: number,
  left: PlacedShares,
  right: PlacedShares,
  isChosen: Uint8Array | null,
): Pairs {
  const sides = new Uint8Array(size)
  for (const place of left.place) sides[place]! |= 1
  for (const place of right.place) sides[place]! |= 2
  const pairs = { size: 0, onlyLeft: 0, onlyRight: 0, numbers: new Uint32Array(size) }
  for (let place = 0; place < size; place++) {
    if (isChosen !== null && isChosen[place] !== 1) continue
    if (sides[place] === 3) pairs.numbers[place] = ++pairs.size
    else if (sides[place] === 1) pairs.onlyLeft++
    else if (sides[place] === 2) pairs.onlyRight++
  }
  return pairs
}

function sharesOf(label: number, side: PlacedShares, pairs: Pairs): Float64Array {
  const shares = new Float64Array(pairs.size)
  for (let i = 0; i < side.place.length; i++) {
    const number = pairs.numbers[side.place[i]!]!
    if (number > 0 && side.label[i] === label) shares[number - 1] = side.share[i]!
  }
  return shares
}

/** Counts pairs by their labels. Each example has one on each side. */
function movesOf(
  pairs: Pairs,
  left: PlacedShares,
  right: PlacedShares,
  labels: number,
): number[][] {
  const from = new Uint32Array(pairs.size)
  const moves = Array.from({ length: labels }, () => Array<number>(labels).fill(0))
  for (let i = 0; i < left.place.length; i++) {
    const number = pairs.numbers[left.place[i]!]!
    if (number > 0) from[number - 1] = left.label[i]!
  }
  for (let i = 0; i < right.place.length; i++) {
    const number = pairs.numbers[right.place[i]!]!
    if (number > 0) moves[from[number - 1]!]![right.label[i]!]!++
  }
  return moves
}
