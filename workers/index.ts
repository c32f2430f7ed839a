import type { Handlers, QueueBackend } from '../src/queue/backend.ts'
import { experimentAggregateRefresh } from '../src/store/write/aggregates.ts'
import { experimentPurge, tracePurge } from '../src/store/write/purge.ts'
import { ingestHandler, type WorkerParts } from './ingest.ts'
import { createPace } from './pace.ts'
import { sweep } from './sweep.ts'

/** One handler per queue. Each may run any number of times for one job. */
export function buildHandlers(given: Omit<WorkerParts, 'pace'>): Handlers {
  const pace = createPace()
  const parts: WorkerParts = { ...given, pace }
  const { db, clock } = parts
  return {
    ingest: ingestHandler(parts),
    // A gatherer of its own: an interactive write never waits behind a burst.
    'ingest-interactive': ingestHandler(parts),
    aggregate: async (key) => pace.measure(key, async () => experimentAggregateRefresh(db, key)),
    purge: async ({ tenantId, kind, id }) =>
      (kind === 'trace' ? tracePurge : experimentPurge)(db, tenantId, id, clock.now()),
    sweep: async () => sweep(parts),
  }
}

/** How often lost nudges are looked for. */
const sweepEveryMs = 5000

/** Registers the repeating jobs. Any number of processes may do so. */
export async function scheduleRepeating(queue: QueueBackend): Promise<void> {
  await queue.schedule('sweep', 'sweep', sweepEveryMs, {})
}
