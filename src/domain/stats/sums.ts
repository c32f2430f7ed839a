/** Any list of numbers: an array or a typed one. */
export type Values = Float64Array | readonly number[]

/** @returns the sum, with the rounding errors of each step added at the end (Neumaier) */
export function sum(values: Values): number {
  let total = 0
  let lost = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    const next = total + value
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total
    total = next
  }
  return total + lost
}

/** @returns the mean; null of nothing */
export function meanOf(values: Values): number | null {
  return values.length === 0 ? null : sum(values) / values.length
}

/** @returns the standard deviation with n − 1, in two passes; null for fewer than two values */
export function deviationOf(values: Values): number | null {
  if (values.length < 2) return null
  const middle = sum(values) / values.length
  const squares = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) squares[i] = (values[i]! - middle) ** 2
  return Math.sqrt(sum(squares) / (values.length - 1))
}
