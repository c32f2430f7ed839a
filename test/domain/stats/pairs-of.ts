import type { NumericPairs } from '../../../src/domain/stats/difference.ts'
import { mean, standardDeviation } from '../../../src/domain/stats/sums.ts'

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
