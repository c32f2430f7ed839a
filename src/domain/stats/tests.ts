import { chiSquaredUpper, fairTossesAtMost } from './distributions.ts'
import { sum } from './sums.ts'

/** Differences whose sums are this close, relative to the sum of all sizes, are taken for equal: rounding. */
const rounding = 1e-12

/**
 * Returns the exact p of the mean difference when each difference might as well have had the other sign: the share of the
 * 2^n choices of signs whose sum is at least as far from 0.
 * @param differences at most 20
 */
export function signFlipExact(differences: readonly number[]): number {
  const { least, hits } = flipCounter(differences)
  const all = 2 ** differences.length
  // Half the choices: the others are the same with all signs turned.
  const walk = (index: number, total: number): void => {
    if (index === differences.length) {
      if (Math.abs(total) >= least) hits.count += 1
      return
    }
    walk(index + 1, total + differences[index]!)
    if (index > 0) walk(index + 1, total - differences[index]!)
  }
  walk(0, 0)
  return (2 * hits.count) / all
}

/**
 * Estimates the p of signFlipExact from random choices of signs, as (hits + 1) / (draws + 1).
 * @param nextBits random 32 bits
 */
export function signFlipSampled(
  differences: readonly number[],
  draws: number,
  nextBits: () => number,
): number {
  const { least, hits } = flipCounter(differences)
  for (let draw = 0; draw < draws; draw++) {
    let total = 0
    let bits = 0
    for (let i = 0; i < differences.length; i++) {
      bits = i % 32 === 0 ? nextBits() : bits >>> 1
      total += bits & 1 ? differences[i]! : -differences[i]!
    }
    if (Math.abs(total) >= least) hits.count += 1
  }
  return (hits.count + 1) / (draws + 1)
}

function flipCounter(differences: readonly number[]): { least: number; hits: { count: number } } {
  const size = sum(differences.map(Math.abs))
  return { least: Math.abs(sum(differences)) - rounding * size, hits: { count: 0 } }
}

/**
 * Returns the exact p of McNemar's test: whether as many pairs change one way as the other.
 * @param b pairs of which only the first passes
 * @param c pairs of which only the second passes
 */
export function mcNemarExact(b: number, c: number): { p: number; midP: number } {
  const [few, n] = [Math.min(b, c), b + c]
  const tail = fairTossesAtMost(few, n)
  const point = tail - (few === 0 ? 0 : fairTossesAtMost(few - 1, n))
  return { p: Math.min(1, 2 * tail), midP: Math.min(1, 2 * tail - point) }
}

/** A chi-squared statistic, its degrees of freedom, and the probability of at least that much. */
export interface ChiSquared {
  statistic: number
  df: number
  p: number
}

/**
 * Tests whether the shares of the categories differ (Stuart and Maxwell).
 * @param moves how many pairs went from each category (row) to each (column); square
 * @returns null when no category gains or loses in a way that can be judged
 */
export function stuartMaxwell(moves: readonly (readonly number[])[]): ChiSquared | null {
  const row = (i: number): number => sum(moves[i]!)
  const column = (i: number): number => sum(moves.map((each) => each[i]!))
  // Categories to and from which nothing moves say nothing, and would make the matrix singular.
  const used = moves.map((_, i) => i).filter((i) => row(i) + column(i) > 2 * moves[i]![i]!)
  const free = used.slice(0, -1)
  if (free.length === 0) return null
  const gains = free.map((i) => row(i) - column(i))
  const covariance = free.map((i) =>
    free.map((j) =>
      i === j ? row(i) + column(i) - 2 * moves[i]![i]! : -(moves[i]![j]! + moves[j]![i]!),
    ),
  )
  const solved = solve(covariance, gains)
  if (solved === null) return null
  const statistic = sum(gains.map((gain, i) => gain * solved[i]!))
  return { statistic, df: free.length, p: chiSquaredUpper(statistic, free.length) }
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

/** Solves a · x = b by elimination with pivots; null when there is no single solution. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] | null {
  const rows = a.map((row, i) => [...row, b[i]!])
  const n = rows.length
  for (let i = 0; i < n; i++) {
    const best = rows.reduce(
      (at, row, j) => (j > i && Math.abs(row[i]!) > Math.abs(rows[at]![i]!) ? j : at),
      i,
    )
    ;[rows[i], rows[best]] = [rows[best]!, rows[i]!]
    if (Math.abs(rows[i]![i]!) < 1e-9) return null
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const factor = rows[j]![i]! / rows[i]![i]!
      rows[j] = rows[j]!.map((value, k) => value - factor * rows[i]![k]!)
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}

/** Returns the p-values, each as large as it must be so that none of the family is found by chance (Holm). */
export function holm(ps: readonly number[]): number[] {
  const adjusted = Array<number>(ps.length)
  let highest = 0
  for (const [rank, i] of ascending(ps).entries()) {
    highest = Math.max(highest, Math.min(1, (ps.length - rank) * ps[i]!))
    adjusted[i] = highest
  }
  return adjusted
}

/** Returns the p-values, each as large as it must be to bound the share of false findings (Benjamini and Hochberg). */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  const adjusted = Array<number>(ps.length)
  let lowest = 1
  for (const [rank, i] of [...ascending(ps).entries()].reverse()) {
    lowest = Math.min(lowest, (ps.length * ps[i]!) / (rank + 1))
    adjusted[i] = lowest
  }
  return adjusted
}

function ascending(ps: readonly number[]): number[] {
  return ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]!)
}
