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
/** How long it may take longer after that was too short: so that a server that is slow for long seldom works in vain. */
const patienceLastsMs = 60_000

/** From one try to the next of the same tenant. It doubles. */
const pauseMs = { first: 1_000, last: 16_000 }

/** They take connections that batches need. */
const triesAtOnce = 2
/** What a statement of a try may take while one tenant is set apart, in usual ones. More share it, so that each has its turn. */
const longestTry = 6
/** A tenant of which no job has come for so long is not waited for. Jobs that come in vain come again after a second. */
const askedMs = 5_000

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

/** Less than what a statement may go without an answer at all: then Postgres ends it, and the connection is kept. */
const longestPatienceMs = 50_000

/**
 * How long a statement of a tenant may take. It doubles when one has run out of it, so that what takes long because of load
 * is applied, and is as before some time after the last time.
 */
export interface Patience {
  /** In milliseconds. */
  of(tenantId: string): number
  /** A statement of the tenant took longer, which may show in nothing but the time that it took. */
  ranOut(tenantId: string): void
}

/** @param forgetMs how long a longer patience lasts */
export function createPatience(usualMs: number, forgetMs: number): Patience {
  const grown = new LRUCache<string, number>({ max: rememberAtMost, ttl: forgetMs })
  const of = (tenantId: string): number => grown.get(tenantId) ?? usualMs
  return {
    of,
    ranOut: (tenantId) => void grown.set(tenantId, Math.min(longestPatienceMs, of(tenantId) * 2)),
  }
}

export interface Apart {
  has(tenantId: string): boolean
  /** How many tenants are set apart. */
  count(): number
  /** Events of the tenant are committed. */
  succeeded(tenantId: string): void
  /** How long a statement of a common batch may take. */
  patienceMs(tenantId: string): number
  /**
   * Events of the tenant could not be applied, which may pass. It is its own trouble when others were applied after it first
   * failed, and it fails again: a conflict, a restart of the server, or a batch that is too large for its patience fails once.
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
  /** When a job of it last came. */
  askedAt: number
  isTried: boolean
  toldAt: number
}

/**
 * @param usualMs how long a statement of a common batch may take
 * @param now milliseconds that never go back
 */
export function createApart(
  log: Log,
  usualMs = usualPatienceMs,
  now: () => number = () => performance.now(),
): Apart {
  const apart = new LRUCache<string, ApartTenant>({
    max: rememberAtMost,
    ttl: forgetMs,
    updateAgeOnGet: true,
  })
  /** When tenants that are not set apart first failed, and nothing was committed since. */
  const troubled = new LRUCache<string, { failedAt: number; toldAt: number }>({
    max: rememberAtMost,
    ttl: troubleMs,
  })
  const patience = createPatience(usualMs, patienceLastsMs)
  let latest = { tenantId: '', at: -Infinity }
  let latestOfAnother = latest
  let tries = 0
  let paceAt = 0

  function othersSucceededAt(tenantId: string): number {
    return latest.tenantId === tenantId ? latestOfAnother.at : latest.at
  }

  function postponed({ nextAt }: ApartTenant): JobPostponedError {
    const at = now()
    paceAt = Math.min(at + longestDelayMs, Math.max(at, paceAt) + 1000 / returnsPerSecond)
    return new JobPostponedError(Math.round(Math.max(nextAt, at + pauseMs.first, paceAt) - at))
  }

  function count(): number {
    apart.purgeStale()
    return apart.size
  }

  /** Whether the tenant may be tried: those that have been due for longer come first. */
  function isInTurn(held: ApartTenant): boolean {
    const at = now()
    if (held.isTried || at < held.nextAt) return false
    const before = [...apart.values()].filter(
      (other) => !other.isTried && other.nextAt < held.nextAt && at - other.askedAt < askedMs,
    )
    return tries + before.length < triesAtOnce
  }

  return {
    has: (tenantId) => apart.has(tenantId),
    count,
    patienceMs: patience.of,
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
      const at = now()
      if (isCancelled(error) || at - startedAt >= patience.of(tenantId)) patience.ranOut(tenantId)
      const trouble = troubled.get(tenantId) ?? { failedAt: at, toldAt: -Infinity }
      if (startedAt < trouble.failedAt || othersSucceededAt(tenantId) <= trouble.failedAt) {
        if (at - trouble.toldAt >= tellTroubleEveryMs) {
          trouble.toldAt = at
          log.warn({ err: error, tenantId }, 'database unavailable, waiting')
        }
        troubled.set(tenantId, trouble)
        return false
      }
      troubled.delete(tenantId)
      apart.set(tenantId, {
        since: trouble.failedAt,
        pauseMs: pauseMs.first,
        nextAt: at + pauseMs.first,
        askedAt: -Infinity,
        isTried: false,
        toldAt: at,
      })
      log.warn({ err: error, tenantId }, 'tenant set apart: others are applied, and it is not')
      return true
    },
    async tryAgain(tenantId, apply) {
      const held = apart.get(tenantId)!
      held.askedAt = now()
      if (!isInTurn(held)) throw postponed(held)
      held.isTried = true
      tries += 1
      try {
        await apply(Math.round(usualMs * Math.max(1, longestTry / count())))
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
