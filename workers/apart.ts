import { LRUCache } from 'lru-cache'
import type { Log } from '../src/domain/log.ts'
import { JobPostponedError } from '../src/queue/backend.ts'
import { isCancelled, isRetryable } from '../src/store/errors.ts'

/*
 * Tenants that cannot be applied while others can, because the node of the database that has their rows is away, or
 * something holds their rows. They are set apart, so that they take no place in the batches of the others: their jobs go
 * back to the queue, and come again some at a time. One of those that come is tried alone, one at a time of each tenant.
 * As soon as one is applied, its tenant is served as everybody. When nobody can be applied, nobody is set apart.
 */

/** How long a statement of a common batch may take: many times what a full batch takes on a busy server. */
export const usualPatienceMs = 5_000

/** From one try to the next of the same tenant. It doubles, and so does what the try may take, once that is more. */
const pauseMs = { first: 1_000, last: 16_000 }

/** They take connections that batches need. */
const triesAtOnce = 2

/** How many jobs of all that are set apart come again in a second, so that it costs little, however many there are. */
const returnsPerSecond = 50
/** It also takes about that long to apply as many as have to wait for so long. */
const longestDelayMs = 300_000

/** A tenant of which no job comes for so long has none any more: others have applied them. */
const forgetMs = 2 * longestDelayMs
/** Failures that are further apart have nothing to do with each other. */
const troubleMs = 60_000
const rememberAtMost = 10_000

const tellEveryMs = 60_000
const tellTroubleEveryMs = 5_000

export interface Apart {
  has(tenantId: string): boolean
  /** How many tenants are set apart. */
  count(): number
  /** Events of the tenant are committed. */
  succeeded(tenantId: string): void
  /**
   * Events of the tenant could not be applied, which may pass.
   * @param startedAt when that was begun, as `performance.now()`
   * @returns whether the tenant is set apart from now on
   */
  failed(tenantId: string, startedAt: number, error: unknown): boolean
  /**
   * Tries a job of a tenant that is set apart, if it is time for that.
   * @param apply is given how many milliseconds each statement may take
   * @throws JobPostponedError when it goes back to the queue
   */
  tryAgain(tenantId: string, apply: (patienceMs: number) => Promise<void>): Promise<void>
}

interface ApartTenant {
  since: number
  pauseMs: number
  /** When the next try may begin. */
  nextAt: number
  isTried: boolean
  toldAt: number
}

/** @param now milliseconds that never go back */
export function createApart(log: Log, now: () => number = () => performance.now()): Apart {
  const apart = new LRUCache<string, ApartTenant>({
    max: rememberAtMost,
    ttl: forgetMs,
    updateAgeOnGet: true,
  })
  /** When the first failure of tenants that are not set apart began and ended, and nothing was committed since. */
  const troubled = new LRUCache<string, { startedAt: number; failedAt: number; toldAt: number }>({
    max: rememberAtMost,
    ttl: troubleMs,
  })
  let latest = { tenantId: '', at: -Infinity }
  let latestOfAnother = latest
  let tries = 0
  let nextReturnAt = 0

  function othersSucceededAt(tenantId: string): number {
    return latest.tenantId === tenantId ? latestOfAnother.at : latest.at
  }

  /**
   * Since when others have to have been served for the failure to be the tenant's own; null: it may pass at once. A
   * conflict, or a restart of the server, fails once; a statement that ran out of patience has taken its time.
   */
  function trouble(tenantId: string, startedAt: number, error: unknown): number | null {
    if (isCancelled(error)) return startedAt
    const first = troubled.get(tenantId)
    return first !== undefined && startedAt >= first.failedAt ? first.startedAt : null
  }

  function postponed({ nextAt }: ApartTenant): JobPostponedError {
    const at = now()
    const soonest = Math.max(nextAt, at + pauseMs.first, nextReturnAt + 1000 / returnsPerSecond)
    nextReturnAt = Math.min(at + longestDelayMs, soonest)
    return new JobPostponedError(Math.round(nextReturnAt - at))
  }

  return {
    has: (tenantId) => apart.has(tenantId),
    count() {
      apart.purgeStale()
      return apart.size
    },
    succeeded(tenantId) {
      if (latest.tenantId !== tenantId) latestOfAnother = latest
      latest = { tenantId, at: now() }
      troubled.delete(tenantId)
      const held = apart.get(tenantId)
      if (held === undefined) return
      apart.delete(tenantId)
      log.info({ tenantId, ms: Math.round(now() - held.since) }, 'tenant no longer set apart')
    },
    failed(tenantId, startedAt, error) {
      const since = trouble(tenantId, startedAt, error)
      if (since === null || othersSucceededAt(tenantId) <= since) {
        const at = now()
        const held = troubled.get(tenantId) ?? { startedAt, failedAt: at, toldAt: -Infinity }
        if (at - held.toldAt >= tellTroubleEveryMs) {
          held.toldAt = at
          log.warn({ err: error, tenantId }, 'database unavailable, waiting')
        }
        troubled.set(tenantId, held)
        return false
      }
      troubled.delete(tenantId)
      const at = now()
      apart.set(tenantId, {
        since,
        pauseMs: pauseMs.first,
        nextAt: at + pauseMs.first,
        isTried: false,
        toldAt: at,
      })
      log.warn({ err: error, tenantId }, 'tenant set apart: others are applied, and it is not')
      return true
    },
    async tryAgain(tenantId, apply) {
      const held = apart.get(tenantId)!
      if (held.isTried || now() < held.nextAt || tries >= triesAtOnce) {
        throw postponed(held)
      }
      held.isTried = true
      tries += 1
      try {
        await apply(Math.max(usualPatienceMs, held.pauseMs))
      } catch (error) {
        if (!isRetryable(error)) throw error
        held.nextAt = now() + held.pauseMs
        held.pauseMs = Math.min(held.pauseMs * 2, pauseMs.last)
        if (now() - held.toldAt >= tellEveryMs) {
          held.toldAt = now()
          const seconds = Math.round((now() - held.since) / 1000)
          log.warn({ err: error, tenantId, seconds }, 'tenant still set apart')
        }
        throw postponed(held)
      } finally {
        held.isTried = false
        tries -= 1
      }
    },
  }
}
