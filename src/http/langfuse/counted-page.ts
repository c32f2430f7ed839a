import { LRUCache } from 'lru-cache'
import { isStatementTimeout } from '../../store/errors.ts'
import type { CountedPage } from '../services.ts'
import { invalidRequest } from './errors.ts'
import { offsetOf } from './requests.ts'

/**
 * A large total that took at least so long to count holds for a while: clients ask for page after page, and each would count
 * millions of rows anew. A smaller one is always that of the moment.
 */
const slowMs = 250
const largeTotal = 50_000
/** It holds for so many times as long as it took, so that at most a twentieth of the time is spent on it. */
const heldPerCounted = 20
const longestHeldMs = 60_000
const mostHeld = 1000

const countMessage =
  'Stopped because it took too long to count all that meets the filter. ' +
  'Narrow it by a span of time, a name, a user or a session, or read v2/observations or v3/scores, which state no total'

/** @param time milliseconds that never go back */
export function createCountedPage(time: { now(): number } = performance): CountedPage {
  const held = new LRUCache<string, { total: number; until: number }>({ max: mostHeld })

  /** @param seen rows that a full page and those before it show: of a list that ends there, nobody would read more */
  async function totalOf(key: string, seen: number, count: () => Promise<number>): Promise<number> {
    const known = held.get(key)
    const begunAt = time.now()
    if (known !== undefined && begunAt < known.until && known.total > seen) return known.total
    const total = await count()
    const tookMs = time.now() - begunAt
    if (tookMs >= slowMs && total >= largeTotal) {
      const heldMs = Math.min(longestHeldMs, tookMs * heldPerCounted)
      held.set(key, { total, until: time.now() + heldMs })
    }
    return total
  }

  return async ({ tenantId, name, query }, read, count) => {
    const { page, limit, fields: _, orderBy: __, ...conditions } = query
    const key = JSON.stringify([tenantId, name, conditions])
    const offset = offsetOf({ page, limit })
    const rows = await read({ limit, offset })
    const isEnd = rows.length < limit && (rows.length > 0 || offset === 0)
    if (isEnd) {
      held.delete(key)
      return { rows, total: offset + rows.length }
    }
    try {
      const seen = rows.length === 0 ? 0 : offset + rows.length
      return { rows, total: await totalOf(key, seen, count) }
    } catch (error) {
      throw isStatementTimeout(error) ? invalidRequest(countMessage) : error
    }
  }
}
