import { fairTossesAtMost } from './distributions.ts'
import { sum } from './sums.ts'

/** Differences whose sums are this close, relative to the sum of all sizes, are taken for equal: rounding. */
const rounding = 1e-12

/**
 * Returns the exact p of the mean difference when each difference might as well have had the other sign: the share of the
 * 2^n choices of signs whose sum is at least as far from 0.
 * @param differences at most 20
 */
export function signFlipExact(differences: readonly number[]): number {
  const least = Math.abs(sum(differences)) - rounding * sum(differences.map(Math.abs))
  let hits = 0
  // Half the choices: the others are the same with all signs turned.
  const walk = (index: number, total: number): void => {
    if (index === differences.length) {
      if (Math.abs(total) >= least) hits += 1
      return
    }
    walk(index + 1, total + differences[index]!)
    if (index > 0) walk(index + 1, total - differences[index]!)
  }
  walk(0, 0)
  return (2 * hits) / 2 ** differences.length
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
  for (const [rank, i] of [...ascending(ps).entries()].toReversed()) {
    lowest = Math.min(lowest, (ps.length * ps[i]!) / (rank + 1))
    adjusted[i] = lowest
  }
  return adjusted
}

function ascending(ps: readonly number[]): number[] {
  return ps.map((_, i) => i).toSorted((i, j) => ps[i]! - ps[j]!)
}
