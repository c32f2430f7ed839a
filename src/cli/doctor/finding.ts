/** What was looked at. */
export interface Finding {
  /** What it is about, as `postgres.fsync`. */
  name: string
  /** `loses data`: what was acknowledged may be lost. `unknown`: it could not be looked at. */
  level: 'ok' | 'note' | 'warning' | 'loses data' | 'unknown' | 'unreachable'
  message: string
  /** What to do; absent where there is nothing to do. */
  advice?: string
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return error.message === '' ? String(code) : error.message
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`
}
