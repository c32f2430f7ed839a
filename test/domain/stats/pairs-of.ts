import type { NumericPairs } from '../../../src/domain/stats/difference.ts'
import { sum } from '../../../src/domain/stats/sums.ts'

/** @param values at least one */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

/**
 * @param values at least two
 * @returns the standard deviation with n − 1, in two passes
 */
export function standardDeviation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1))
}

/** What is known of pairs with these differences. */
export function pairsOf(differences: readonly number[]): NumericPairs {
  const n = differences.length
  return {
    n,
    mean: n === 0 ? null : mean(differences),
    standardDeviation: n < 2 ? null : standardDeviation(differences),
    isIdentical: differences.every((difference) => Math.abs(difference) <= 1e-9),
    differences,
  }
}
