import { LRUCache } from 'lru-cache'

/** Less than what a statement may go without an answer at all: then Postgres ends it, and the connection is kept. */
const longestMs = 50_000
const rememberAtMost = 10_000

/**
 * How long a statement of a tenant may take. It doubles when one has run out of it, so that what takes long because of load
 * is applied, and is as before some time after the last time.
 */
export interface Patience {
  /** In milliseconds. */
  of(tenantId: string): number
  /** A statement of the tenant took longer. */
  ranOut(tenantId: string): void
}

/** @param forgetMs how long a longer patience lasts */
export function createPatience(usualMs: number, forgetMs: number): Patience {
  const grown = new LRUCache<string, number>({ max: rememberAtMost, ttl: forgetMs })
  const of = (tenantId: string): number => grown.get(tenantId) ?? usualMs
  return {
    of,
    ranOut: (tenantId) => void grown.set(tenantId, Math.min(longestMs, of(tenantId) * 2)),
  }
}
