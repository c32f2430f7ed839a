// The package's types do not resolve for a module: its `exports` leave them out.
declare module 'cephes' {
  /** Resolves once the functions can be called. */
  export const compiled: Promise<void>
  export function bdtr(k: number, n: number, p: number): number
  export function chdtrc(df: number, x: number): number
  export function incbet(a: number, b: number, x: number): number
  export function incbi(a: number, b: number, y: number): number
  export function ndtri(p: number): number
}
