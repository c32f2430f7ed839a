import { LRUCache } from 'lru-cache'
import type { QueueBackend } from '../src/queue/backend.ts'
import type { ExperimentKey } from '../src/store/write/ingest.ts'

/** At most a twentieth of the time is spent on keeping one experiment's aggregates fresh, however large it is. */
const restPerWork = 20
const shortestDelayMs = 250
const longestDelayMs = 60_000
/** A single measurement is not taken for more, because the database may have been away meanwhile. */
const longestAloneMs = 250
const rememberAtMost = 10_000

/**
 * Decides how long after a change the aggregates of an experiment are recomputed. A reader that comes sooner
 * refreshes them itself.
 */
export interface Pace {
  delayMs(key: ExperimentKey): number
  /** Runs a refresh and remembers how long it took. */
  measure(key: ExperimentKey, refresh: () => Promise<void>): Promise<void>
}

/** @param now milliseconds, of a clock that only goes forward */
export function createPace(now: () => number = () => performance.now()): Pace {
  /** How long the last refresh took, and the one before. */
  const measured = new LRUCache<string, { lastMs: number; beforeMs: number }>({
    max: rememberAtMost,
  })
  const nameOf = ({ tenantId, experimentId }: ExperimentKey): string =>
    `${tenantId}/${experimentId}`
  return {
    delayMs: (key) => {
      // The shorter of the two: an outage makes one refresh long, a large experiment makes all of them long.
      const { lastMs, beforeMs } = measured.get(nameOf(key)) ?? { lastMs: 0, beforeMs: 0 }
      const rest = Math.min(lastMs, beforeMs) * restPerWork
      return Math.min(longestDelayMs, Math.max(shortestDelayMs, Math.round(rest)))
    },
    measure: async (key, refresh) => {
      const start = now()
      await refresh()
      const beforeMs = measured.get(nameOf(key))?.lastMs ?? longestAloneMs
      measured.set(nameOf(key), { lastMs: now() - start, beforeMs })
    },
  }
}

/**
 * Asks for the aggregates of an experiment to be recomputed when its pace allows. Several nudges of one experiment
 * are one job.
 */
export async function nudgeAggregate(
  { queue, pace }: { queue: QueueBackend; pace: Pace },
  key: ExperimentKey,
): Promise<void> {
  await queue.nudge('aggregate', `${key.tenantId}-${key.experimentId}`, key, pace.delayMs(key))
}
