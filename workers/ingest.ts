import type { Clock } from '../src/domain/clock.ts'
import type { Handler, QueueBackend } from '../src/queue/backend.ts'
import type { IngestJob, IngestLane } from '../src/queue/catalog.ts'
import type { Log } from '../src/domain/log.ts'
import type { Db } from '../src/store/pool.ts'
import { errorKind } from '../src/store/errors.ts'
import { deadLetterInsert } from '../src/store/write/dead-letters.ts'
import { applyEvents, type PriceRuns, type TenantEvent } from '../src/store/write/ingest.ts'
import { createGatherer, type Precedence } from './batch.ts'
import { nudgeAggregate, type Pace } from './pace.ts'
import type { LaneProgress, WorkerProgress } from './progress.ts'
import { untilAvailable } from './until-available.ts'

export interface WorkerServices {
  db: Db
  queue: QueueBackend
  clock: Clock
  log: Log
  pace: Pace
  prices: PriceRuns
  progress: WorkerProgress
}

interface LaneServices extends Omit<WorkerServices, 'progress'> {
  progress: LaneProgress
}

/** Bounds a transaction to about 1,000 events or 4 MiB: an event weighs 1, and 1 more for each 4 KiB it holds. */
const maxBatchWeight = 1000
const bytesPerWeight = 4096

interface Item {
  job: IngestJob
  weight: number
  signal: AbortSignal
}

interface JobEvent extends TenantEvent {
  job: IngestJob
}

/** The handler of one ingest lane: gathers jobs, applies their events, and ends a job only after the commit. */
export function ingestHandler(
  shared: WorkerServices,
  lane: IngestLane,
  precedence: Precedence,
): Handler<IngestLane> {
  const progress = shared.progress.lane(lane)
  const services: LaneServices = { ...shared, progress }
  const gather = createGatherer<Item>({
    ...precedence,
    maxWeight: maxBatchWeight,
    weigh: ({ weight }) => weight,
    ownerOf: ({ job }) => job.tenantId,
    apply: async (items) => applyJobs(services, items),
  })
  return async (job, { signal }) => {
    progress.hold(1)
    await gather({ job, weight: weightOf(job), signal }).finally(() => progress.hold(-1))
  }
}

function weightOf(job: IngestJob): number {
  const bytes = job.events.reduce((sum, event) => sum + patchBytes(event.patch), 0)
  return job.events.length + bytes / bytesPerWeight
}

function patchBytes(patch: object): number {
  let bytes = 0
  for (const value of Object.values(patch)) if (typeof value === 'string') bytes += value.length
  return bytes
}

async function applyJobs(services: LaneServices, items: Item[]): Promise<void> {
  const { queue, log, pace } = services
  const signal = AbortSignal.any([...new Set(items.map((item) => item.signal))])
  const events = items.flatMap(({ job }) =>
    job.events.map((event) => ({ job, tenantId: job.tenantId, event })),
  )
  const startedAt = performance.now()
  const dirty = await applyOrDeadLetter(services, events, signal)
  const jobs = items.map(({ job }) => job)
  services.progress.finished(jobs, performance.now() - startedAt)
  queue.announceApplied(jobs.map(({ batchId }) => batchId))
  for (const tenantId of new Set(dirty)) {
    // A lost nudge costs a delay but no data: the sweep finds the mark.
    nudgeAggregate({ queue, pace }, tenantId).catch((error: unknown) =>
      log.warn({ err: error }, 'aggregate nudge failed'),
    )
  }
}

/**
 * Applies events, and dead-letters those that the database refuses. A refused batch is halved until the bad event is
 * alone (SPEC I5).
 */
async function applyOrDeadLetter(
  services: LaneServices,
  events: JobEvent[],
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const apply = async () => applyEvents(services.db, events, services.prices)
    const dirty = await untilAvailable(services, signal, apply)
    services.progress.applied(events.length)
    return dirty
  } catch (error) {
    signal.throwIfAborted()
    if (events.length > 1) {
      const half = Math.ceil(events.length / 2)
      const first = await applyOrDeadLetter(services, events.slice(0, half), signal)
      return [...first, ...(await applyOrDeadLetter(services, events.slice(half), signal))]
    }
    await deadLetter(services, events[0]!, error, signal)
    return []
  }
}

async function deadLetter(
  services: LaneServices,
  { job, tenantId, event }: JobEvent,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const errorReason = errorKind(error) ?? 'error'
  const reason = error instanceof Error ? error.message : String(error)
  services.log.error(
    { err: error, reason: errorReason, tenantId, kind: event.kind, id: event.id },
    'event dead-lettered',
  )
  await untilAvailable(services, signal, async () =>
    deadLetterInsert(services.db, {
      tenantId,
      batchId: job.batchId,
      event,
      reason,
      receivedAt: job.receivedAt,
      now: services.clock.now(),
    }),
  )
  services.progress.deadLettered(errorReason)
}
