import { LRUCache } from 'lru-cache'
import type { QueueBackend } from '../src/queue/backend.ts'

/** At most a tenth of the time is spent on keeping a tenant's aggregates fresh, unless they would get too old. */
const restPerWork = 10
const shortestDelayMs = 500
const longestDelayMs = 1000
/** A single measurement is not taken for more, because the database may have been away meanwhile. */
const longestAloneMs = 250
const rememberAtMost = 10_000
const noExperiment = '00000000-0000-0000-0000-000000000000'

/**
 * Decides how long after a change the aggregates of a tenant are refreshed. A reader that comes sooner refreshes what it
 * shows itself.
 */
export interface Pace {
  delayMs(tenantId: string): number
  /** Runs a refresh and remembers how long it took. */
  measure<T>(tenantId: string, refresh: () => Promise<T>): Promise<T>
}

/** @param now milliseconds, of a clock that only goes forward */
export function createPace(now: () => number = () => performance.now()): Pace {
  /** How long the last refresh took, and the one before. */
  const measured = new LRUCache<string, { lastMs: number; beforeMs: number }>({
    max: rememberAtMost,
  })
  return {
    delayMs: (tenantId) => {
      // The shorter of the two: an outage makes one refresh long, many changes make all of them long.
      const { lastMs, beforeMs } = measured.get(tenantId) ?? { lastMs: 0, beforeMs: 0 }
      const rest = Math.min(lastMs, beforeMs) * restPerWork
      return Math.min(longestDelayMs, Math.max(shortestDelayMs, Math.round(rest)))
    },
    measure: async (tenantId, refresh) => {
      const start = now()
      const result = await refresh()
      const beforeMs = measured.get(tenantId)?.lastMs ?? longestAloneMs
      measured.set(tenantId, { lastMs: now() - start, beforeMs })
      return result
    },
  }
}

/**
 * Asks for the aggregates of a tenant to be refreshed when its pace allows. Several nudges are one job.
 * @param isFollowUp asks for another look under a key of its own: a nudge that comes while its job runs is lost
 */
export async function nudgeAggregate(
  { queue, pace }: { queue: QueueBackend; pace: Pace },
  tenantId: string,
  isFollowUp = false,
): Promise<void> {
  const key = isFollowUp ? `${tenantId}-again` : tenantId
  const delayMs = isFollowUp ? longestDelayMs : pace.delayMs(tenantId)
  await queue.nudge('aggregate', key, { tenantId, isFollowUp, experimentId: noExperiment }, delayMs)
}
