import type { Clock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import type { Handler, QueueBackend } from '../src/queue/backend.ts'
import type { IngestJob, IngestLane } from '../src/queue/catalog.ts'
import type { Log } from '../src/domain/log.ts'
import type { Tracing } from '../src/domain/tracing.ts'
import type { Db } from '../src/store/pool.ts'
import { errorKind } from '../src/store/errors.ts'
import { deadLetterInsert } from '../src/store/write/dead-letters.ts'
import { applyEvents, type PriceRuns } from '../src/store/write/ingest.ts'
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
  /** null, or absent: nobody asked for traces. */
  tracing?: Tracing | null
}

interface LaneServices extends Omit<WorkerServices, 'progress'> {
  lane: IngestLane
  progress: LaneProgress
}

/** Bounds a batch to about 1,000 events or 4 MiB: an event weighs 1, and 1 more for each 4 KiB it holds. */
const maxBatchWeight = 1000
const bytesPerWeight = 4096

interface Item {
  job: IngestJob
  weight: number
  signal: AbortSignal
}

interface JobEvent {
  job: IngestJob
  event: IngestEvent
}

/** The handler of one ingest lane: gathers jobs, applies their events, and ends a job only after the commit. */
export function ingestHandler(
  shared: WorkerServices,
  lane: IngestLane,
  precedence: Precedence,
): Handler<IngestLane> {
  const progress = shared.progress.lane(lane)
  const services: LaneServices = { ...shared, lane, progress }
  const gather = createGatherer<Item>({
    ...precedence,
    maxWeight: maxBatchWeight,
    weigh: ({ weight }) => weight,
    ownerOf: ({ job }) => job.tenantId,
    apply: async (items) => applyBatch(services, items),
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

/** Applies the jobs of each tenant in a transaction of its own. */
async function applyBatch(services: LaneServices, items: Item[]): Promise<void> {
  const tenants = new Map<string, Item[]>()
  for (const item of items) {
    const held = tenants.get(item.job.tenantId)
    if (held === undefined) tenants.set(item.job.tenantId, [item])
    else held.push(item)
  }
  for (const [tenantId, own] of tenants) {
    const signal = AbortSignal.any([...new Set(own.map((item) => item.signal))])
    const jobs = own.map(({ job }) => job)
    await applyJobs(services, tenantId, jobs, signal)
  }
}

async function applyJobs(
  services: LaneServices,
  tenantId: string,
  jobs: IngestJob[],
  signal: AbortSignal,
): Promise<void> {
  const { queue, log, pace, lane, tracing } = services
  const events = jobs.flatMap((job) => job.events.map((event) => ({ job, event })))
  const startedAt = performance.now()
  const apply = async () => applyOrDeadLetter(services, tenantId, events, signal)
  const facts = { lane, tenantId, events: events.length }
  const isDirty = await (tracing?.apply(facts, jobs, apply) ?? apply())
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
 */
async function applyOrDeadLetter(
  services: LaneServices,
  tenantId: string,
  events: JobEvent[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const given = events.map(({ event }) => event)
    const apply = async () => applyEvents(services.db, tenantId, given, services.prices)
    const isDirty = await untilAvailable(services, signal, apply)
    services.progress.applied(events.length)
    return isDirty
  } catch (error) {
    signal.throwIfAborted()
    if (events.length === 1) {
      await deadLetter(services, tenantId, events[0]!, error, signal)
      return false
    }
    let isDirty = false
    const middle = Math.ceil(events.length / 2)
    for (const half of [events.slice(0, middle), events.slice(middle)]) {
      if (await applyOrDeadLetter(services, tenantId, half, signal)) isDirty = true
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
