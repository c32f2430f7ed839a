import type { Clock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import type { Handler, QueueBackend } from '../src/queue/backend.ts'
import { queues, type IngestJob, type IngestLane } from '../src/queue/catalog.ts'
import type { Log } from '../src/domain/log.ts'
import type { Db } from '../src/store/pool.ts'
import { errorKind, isRetryable } from '../src/store/errors.ts'
import { deadLetterInsert } from '../src/store/write/dead-letters.ts'
import { applyEvents, type PriceRuns } from '../src/store/write/ingest.ts'
import { createAside, type Aside } from './aside.ts'
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

/** Bounds a batch to about 1,000 events or 4 MiB: an event weighs 1, and 1 more for each 4 KiB it holds. */
const maxBatchWeight = 1000
const bytesPerWeight = 4096

interface Item {
  job: IngestJob
  weight: number
  signal: AbortSignal
  /** What is to be waited for when its batch is over. */
  rest: Promise<void> | null
}

interface JobEvent {
  job: IngestJob
  event: IngestEvent
}

/** A quarter of the jobs that a lane holds may be of tenants whose part of the database is away. */
const asideShare = 4

/** The handler of one ingest lane: gathers jobs, applies their events, and ends a job only after the commit. */
export function ingestHandler(
  shared: WorkerServices,
  lane: IngestLane,
  precedence: Precedence,
): Handler<IngestLane> {
  const progress = shared.progress.lane(lane)
  const services: LaneServices = { ...shared, progress }
  const aside = createAside<Item>(services, queues[lane].concurrency / asideShare)
  const gather = createGatherer<Item>({
    ...precedence,
    maxWeight: maxBatchWeight,
    weigh: ({ weight }) => weight,
    ownerOf: ({ job }) => job.tenantId,
    apply: async (items) => applyBatch(services, aside, items),
  })
  return async (job, { signal }) => {
    const item: Item = { job, weight: weightOf(job), signal, rest: null }
    progress.hold(1)
    try {
      await gather(item)
      await item.rest
    } finally {
      progress.hold(-1)
    }
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

/** Applies the jobs of each tenant in a transaction of its own. */
async function applyBatch(
  services: LaneServices,
  aside: Aside<Item>,
  items: Item[],
): Promise<void> {
  const tenants = new Map<string, Item[]>()
  for (const item of items) {
    const held = tenants.get(item.job.tenantId)
    if (held === undefined) tenants.set(item.job.tenantId, [item])
    else held.push(item)
  }
  for (const [tenantId, own] of tenants) {
    const signal = AbortSignal.any([...new Set(own.map((item) => item.signal))])
    const apply = async (some: Item[]) => {
      const jobs = some.map(({ job }) => job)
      return applyJobs(services, tenantId, jobs, signal)
    }
    await aside.inTurn({ tenantId, items: own, signal, apply })
  }
}

async function applyJobs(
  services: LaneServices,
  tenantId: string,
  jobs: IngestJob[],
  signal: AbortSignal,
): Promise<void> {
  const { queue, log, pace } = services
  const events = jobs.flatMap((job) => job.events.map((event) => ({ job, event })))
  const startedAt = performance.now()
  const isDirty = await applyOrDeadLetter(services, tenantId, events, signal)
  services.progress.finished(jobs, performance.now() - startedAt)
  queue.announceApplied(jobs.map(({ batchId }) => batchId))
  if (!isDirty) return
  // A lost nudge costs a delay but no data: the sweep finds the mark.
  nudgeAggregate({ queue, pace }, tenantId).catch((error: unknown) =>
    log.warn({ err: error }, 'aggregate nudge failed'),
  )
}

/**
 * Applies events, and dead-letters those that the database refuses. A refused batch is halved until the bad event is
 * alone (SPEC I5).
 * @throws what passes by itself, of the whole batch: none of it is applied
 */
async function applyOrDeadLetter(
  services: LaneServices,
  tenantId: string,
  events: JobEvent[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const given = events.map(({ event }) => event)
    const isDirty = await applyEvents(services.db, tenantId, given, services.prices)
    services.progress.applied(events.length)
    return isDirty
  } catch (error) {
    signal.throwIfAborted()
    if (isRetryable(error)) throw error
    if (events.length === 1) {
      await deadLetter(services, tenantId, events[0]!, error, signal)
      return false
    }
    let isDirty = false
    const middle = Math.ceil(events.length / 2)
    for (const half of [events.slice(0, middle), events.slice(middle)]) {
      const apply = async () => applyOrDeadLetter(services, tenantId, half, signal)
      if (await untilAvailable(services, signal, apply)) isDirty = true
    }
    return isDirty
  }
}

async function deadLetter(
  services: LaneServices,
  tenantId: string,
  { job, event }: JobEvent,
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
