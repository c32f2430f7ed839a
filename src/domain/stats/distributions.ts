import { bdtr, chdtrc, compiled, incbet, incbi, ndtri } from 'cephes'

await compiled

/** @returns the probability that |T| is at least |t|, for Student's t with `df` degrees of freedom */
export function studentTwoSided(t: number, df: number): number {
  return incbet(df / 2, 0.5, df / (df + t * t))
}

/**
 * @param tail the probability above the quantile, below 0.5
 * @returns the quantile of Student's t with `df` degrees of freedom
 */
export function studentUpper(tail: number, df: number): number {
  const x = incbi(df / 2, 0.5, 2 * tail)
  return Math.sqrt((df * (1 - x)) / x)
}

/** @returns the standard normal quantile with `tail` above it */
export function normalUpper(tail: number): number {
  return -ndtri(tail)
}

/** @returns the probability that chi-squared with `df` degrees of freedom, at least 1, is at least x */
export function chiSquaredUpper(x: number, df: number): number {
  return chdtrc(df, Math.max(0, x))
}

/** @returns the probability of at most k successes in n fair coin tosses */
export function fairTossesAtMost(k: number, n: number): number {
  return k >= n ? 1 : bdtr(k, n, 0.5)
}
