import { setTimeout as pause } from 'node:timers/promises'
import { type Handlers, type QueueBackend, QueueUnavailableError } from '../src/queue/backend.ts'
import { experimentPurge, tracePurge } from '../src/store/write/purge.ts'
import { createRunPricer } from '../src/store/write/prices/run-prices.ts'
import { aggregateHandler } from './aggregate.ts'
import { createApart, usualPatienceMs } from './apart.ts'
import { collectHandler, type CollectorServices } from './collect.ts'
import { ingestHandler, type WorkerServices } from './ingest.ts'
import { createPrecedence, usualSpacing } from './batch.ts'
import { createPace } from './pace.ts'
import { retain } from './retain.ts'
import { repriceHandler } from './reprice.ts'
import { createSuspects } from './suspects.ts'
import { createSweep } from './sweep.ts'

/** Handlers of the queues that need the blobs. Only processes that serve the API have those. */
type ApiHandlers = Pick<Handlers, 'collect'>

/** How long a job that the database refuses without saying why is tried again before it is at fault for it. */
const usualUnclearMs = 120_000

/**
 * Builds the handlers of a worker, one per queue. Each may run any number of times for one job.
 * @param limits those of a real server, unless a test cannot wait for them
 */
export function buildHandlers(
  shared: Omit<WorkerServices, 'pace' | 'prices' | 'apart' | 'suspects'>,
  { patienceMs = usualPatienceMs, unclearMs = usualUnclearMs } = {},
): Omit<Handlers, keyof ApiHandlers> {
  const pace = createPace()
  const { ahead, behind } = createPrecedence()
  const pricer = createRunPricer((tenantId) =>
    shared.log.warn(
      { tenantId },
      'the price patterns of a tenant take too long: runs have no cost',
    ),
  )
  const apart = createApart(shared.log, patienceMs)
  shared.progress.showApart(() => apart.count())
  const services: WorkerServices = {
    ...shared,
    pace,
    prices: pricer,
    apart,
    suspects: createSuspects(unclearMs),
  }
  const { db, clock } = services
  return {
    ingest: ingestHandler(services, 'ingest', { ...ahead, spacing: usualSpacing }),
    // Each lane has a gatherer of its own, so that an interactive write never waits behind a burst.
    'ingest-interactive': ingestHandler(services, 'ingest-interactive', ahead),
    'ingest-backlog': ingestHandler(services, 'ingest-backlog', {
      ...behind,
      spacing: usualSpacing,
    }),
    aggregate: aggregateHandler(services, patienceMs),
    purge: async ({ tenantId, kind, id }, { signal }) => {
      if (kind === 'age') return retain(services, tenantId, signal)
      await (kind === 'trace' ? tracePurge : experimentPurge)(db, tenantId, id, clock.now())
    },
    reprice: repriceHandler(services, pricer),
    sweep: createSweep(services),
  }
}

/**
 * Builds the handlers that need the blobs, for a process that serves the API: a worker may be on a machine without
 * them.
 */
export function buildApiHandlers(services: CollectorServices): ApiHandlers {
  return { collect: collectHandler(services) }
}

/** How often the sweep looks for lost nudges. */
const sweepEveryMs = 5000
/** How often marked blobs are removed: a blob stays at most this long once its mark has settled. */
const collectMarkedEveryMs = 600_000
/** How often every blob is looked at. A million of them take the database 16 s. */
const collectAllEveryMs = 6 * 3_600_000

/** A queue that did not answer in time is asked again so often, with this pause: a start is not a request. */
const scheduleAttempts = 10
const schedulePauseMs = 500

/**
 * Registers the repeating jobs. Any number of processes may do so: each job is scheduled once.
 * @throws QueueUnavailableError when the queue stays away
 */
export async function scheduleRepeating(queue: QueueBackend): Promise<void> {
  await patiently(async () => queue.schedule('sweep', 'sweep', sweepEveryMs, {}))
  await patiently(async () =>
    queue.schedule('collect', 'marked', collectMarkedEveryMs, { look: 'marked' }),
  )
  await patiently(async () => queue.schedule('collect', 'all', collectAllEveryMs, { look: 'all' }))
}

async function patiently(schedule: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await schedule()
    } catch (error) {
      if (!(error instanceof QueueUnavailableError) || attempt === scheduleAttempts) throw error
      await pause(schedulePauseMs)
    }
  }
}
