/** @returns the sum, with the rounding errors of each step added at the end (Neumaier) */
export function sum(values: readonly number[]): number {
  let total = 0
  let lost = 0
  for (const value of values) {
    const next = total + value
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total
    total = next
  }
  return total + lost
}

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
