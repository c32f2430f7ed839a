import type { Handlers, QueueBackend } from '../src/queue/backend.ts'
import { experimentAggregateRefresh } from '../src/store/write/aggregates.ts'
import { experimentPurge, tracePurge } from '../src/store/write/purge.ts'
import { collectHandler, type CollectorParts } from './collect.ts'
import { ingestHandler, type WorkerParts } from './ingest.ts'
import { createPace } from './pace.ts'
import { sweep } from './sweep.ts'

/** Queues of the processes that hold the blobs: those that serve the API. */
type ApiHandlers = Pick<Handlers, 'collect'>

/** One handler per queue of a worker. Each may run any number of times for one job. */
export function buildHandlers(given: Omit<WorkerParts, 'pace'>): Omit<Handlers, keyof ApiHandlers> {
  const pace = createPace()
  const services: WorkerParts = { ...given, pace }
  const { db, clock } = services
  return {
    ingest: ingestHandler(services),
    // A gatherer of its own: an interactive write never waits behind a burst.
    'ingest-interactive': ingestHandler(services),
    aggregate: async (key) => pace.measure(key, async () => experimentAggregateRefresh(db, key)),
    purge: async ({ tenantId, kind, id }) =>
      (kind === 'trace' ? tracePurge : experimentPurge)(db, tenantId, id, clock.now()),
    sweep: async () => sweep(services),
  }
}

/** The handlers of the other queues: a worker may be on a machine that has none of the blobs. */
export function buildApiHandlers(services: CollectorParts): ApiHandlers {
  return { collect: collectHandler(services) }
}

/** How often lost nudges are looked for. */
const sweepEveryMs = 5000
/** A deleted content goes within this time after its mark has settled. */
const collectMarkedEveryMs = 600_000
/** Each looks at every blob: a million take the database 16 s. */
const collectAllEveryMs = 6 * 3_600_000

/** Registers the repeating jobs. Any number of processes may do so. */
export async function scheduleRepeating(queue: QueueBackend): Promise<void> {
  await queue.schedule('sweep', 'sweep', sweepEveryMs, {})
  await queue.schedule('collect', 'marked', collectMarkedEveryMs, { look: 'marked' })
  await queue.schedule('collect', 'all', collectAllEveryMs, { look: 'all' })
}
