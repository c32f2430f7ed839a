import { chiSquaredUpper } from './distributions.ts'
import { sum } from './sums.ts'

/** A chi-squared statistic, its degrees of freedom, and the probability of at least that much. */
export interface ChiSquared {
  statistic: number
  df: number
  p: number
}

/**
 * Tests whether the shares of the categories differ (Stuart and Maxwell). Categories between which nothing moves, not even
 * by way of others, are tested apart and added up: together they would make the matrix singular.
 * @param moves how many pairs went from each category (row) to each (column); square
 * @returns null when nothing moves
 */
export function stuartMaxwell(moves: readonly (readonly number[])[]): ChiSquared | null {
  let statistic = 0
  let df = 0
  for (const group of connected(moves)) {
    const free = group.slice(0, -1)
    const gains = free.map((i) => sum(group.map((j) => moves[i]![j]! - moves[j]![i]!)))
    const covariance = free.map((i) =>
      free.map((j) =>
        i === j
          ? sum(group.map((k) => (k === i ? 0 : moves[i]![k]! + moves[k]![i]!)))
          : -(moves[i]![j]! + moves[j]![i]!),
      ),
    )
    const solved = solve(covariance, gains)
    statistic += sum(gains.map((gain, i) => gain * solved[i]!))
    df += free.length
  }
  return df === 0 ? null : { statistic, df, p: chiSquaredUpper(statistic, df) }
}

/** Lists the groups of categories between which something moves. */
function connected(moves: readonly (readonly number[])[]): number[][] {
  const left = new Set(moves.keys())
  const groups: number[][] = []
  for (const first of moves.keys()) {
    if (!left.delete(first)) continue
    const group = [first]
    for (const i of group) {
      for (const j of left) {
        if (moves[i]![j] === 0 && moves[j]![i] === 0) continue
        left.delete(j)
        group.push(j)
      }
    }
    if (group.length > 1) groups.push(group)
  }
  return groups
}

/**
 * Tests whether as many pairs move from each category to each other as back (Bowker).
 * @param moves how many pairs went from each category (row) to each (column); square
 */
export function bowker(moves: readonly (readonly number[])[]): ChiSquared | null {
  const terms: number[] = []
  for (let i = 0; i < moves.length; i++) {
    for (let j = i + 1; j < moves.length; j++) {
      const [there, back] = [moves[i]![j]!, moves[j]![i]!]
      if (there + back > 0) terms.push((there - back) ** 2 / (there + back))
    }
  }
  if (terms.length === 0) return null
  const statistic = sum(terms)
  return { statistic, df: terms.length, p: chiSquaredUpper(statistic, terms.length) }
}

/** Solves a · x = b by elimination with pivots. The matrix of a connected group has an inverse. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!])
  for (let i = 0; i < rows.length; i++) {
    const best = rows.reduce(
      (at, row, j) => (j > i && Math.abs(row[i]!) > Math.abs(rows[at]![i]!) ? j : at),
      i,
    )
    ;[rows[i], rows[best]] = [rows[best]!, rows[i]!]
    for (let j = 0; j < rows.length; j++) {
      if (j === i) continue
      const factor = rows[j]![i]! / rows[i]![i]!
      rows[j] = rows[j]!.map((value, k) => value - factor * rows[i]![k]!)
    }
  }
  return rows.map((row, i) => row[rows.length]! / row[i]!)
}
