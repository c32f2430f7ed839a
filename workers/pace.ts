import { LRUCache } from 'lru-cache'
import type { QueueBackend } from '../src/queue/backend.ts'
import type { ExperimentKey } from '../src/store/write/ingest.ts'

/** At most a twentieth of the time is spent on keeping one experiment's aggregates fresh, however large it is. */
const restPerWork = 20
const shortestDelayMs = 250
const longestDelayMs = 60_000
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

export function createPace(): Pace {
  const lastMs = new LRUCache<string, number>({ max: rememberAtMost })
  const nameOf = ({ tenantId, experimentId }: ExperimentKey): string =>
    `${tenantId}/${experimentId}`
  return {
    delayMs: (key) => {
      const rest = (lastMs.get(nameOf(key)) ?? 0) * restPerWork
      return Math.min(longestDelayMs, Math.max(shortestDelayMs, Math.round(rest)))
    },
    measure: async (key, refresh) => {
      const start = performance.now()
      await refresh()
      lastMs.set(nameOf(key), performance.now() - start)
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
