import type { Clock } from '../src/domain/clock.ts'
import { JobPostponedError, type Handler, type QueueBackend } from '../src/queue/backend.ts'
import type { IngestJob, IngestLane } from '../src/queue/catalog.ts'
import type { Log } from '../src/domain/log.ts'
import type { Tracing } from '../src/domain/tracing.ts'
import type { Db } from '../src/store/pool.ts'
import { isRetryable } from '../src/store/errors.ts'
import type { PriceRuns } from '../src/store/write/ingest.ts'
import type { Apart } from './apart.ts'
import { createGatherer, type Precedence } from './batch.ts'
import { applyIsolated } from './isolation.ts'
import { nudgeAggregate, type Pace } from './pace.ts'
import type { LaneProgress, WorkerProgress } from './progress.ts'
import type { Suspects } from './suspects.ts'
import { createWaitingRoom, type Waiting, type WaitingRoom } from './waiting-room.ts'

export interface WorkerServices {
  db: Db
  queue: QueueBackend
  clock: Clock
  log: Log
  pace: Pace
  prices: PriceRuns
  progress: WorkerProgress
  apart: Apart
  suspects: Suspects
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

interface Item extends Waiting {
  job: IngestJob
  weight: number
  /** Ends the job. */
  resolve(): void
}

/** The handler of one ingest lane: gathers jobs, applies their events, and ends a job only after the commit. */
export function ingestHandler(
  shared: WorkerServices,
  lane: IngestLane,
  precedence: Precedence,
): Handler<IngestLane> {
  const progress = shared.progress.lane(lane)
  const services: LaneServices = { ...shared, lane, progress }
  const { apart } = services
  const gather = createGatherer<Item>({
    ...precedence,
    maxWeight: maxBatchWeight,
    weigh: ({ weight }) => weight,
    ownerOf: ({ job }) => job.tenantId,
    apply: async (items) => applyBatch(services, items, room),
  })
  // An item ends with its tenant's transaction, not with the batch.
  const bring = (item: Item): void => void gather(item).catch(item.reject)
  const room = createWaitingRoom<Item>({
    attempt: async (tenantId, item) => applyItems(services, tenantId, [item]),
    gather: bring,
  })
  return async (job, { signal, places }) => {
    const { tenantId } = job
    // Not counted in the progress: a lane is not stuck because of what is set apart.
    if (apart.has(tenantId)) {
      return apart.tryAgain(tenantId, async (ms) =>
        applyJobs(services, tenantId, [job], signal, ms),
      )
    }
    progress.hold(1)
    await new Promise<void>((resolve, reject) => {
      const item = { job, weight: weightOf(job), signal, places, resolve, reject }
      if (room.has(tenantId)) room.enter(tenantId, [item])
      else bring(item)
    }).finally(() => progress.hold(-1))
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

/** What of its patience is left to a tenant when another of its batch has failed: many may hang, and those behind them wait. */
const hurried = 1 / 5

/**
 * Applies the jobs of each tenant in a transaction of its own. What fails and may pass leaves the batch, so that the others
 * of it go on.
 */
async function applyBatch(
  services: LaneServices,
  items: Item[],
  room: WaitingRoom<Item>,
): Promise<void> {
  const tenants = new Map<string, Item[]>()
  for (const item of items) {
    const held = tenants.get(item.job.tenantId)
    if (held === undefined) tenants.set(item.job.tenantId, [item])
    else held.push(item)
  }
  let shareOfPatience = 1
  for (const [tenantId, own] of tenants) {
    // What another batch has found in trouble is tried there.
    if (!room.has(tenantId)) {
      if (await applyItems(services, tenantId, own, shareOfPatience)) continue
      shareOfPatience = hurried
    }
    room.enter(tenantId, own)
  }
}

/**
 * Applies items of a tenant, and ends them, or gives them back to the queue when the tenant is set apart.
 * @returns false when they could not be applied and may be soon
 */
async function applyItems(
  services: LaneServices,
  tenantId: string,
  items: Item[],
  shareOfPatience = 1,
): Promise<boolean> {
  const { apart, progress } = services
  const signal = AbortSignal.any([...new Set(items.map((item) => item.signal))])
  const startedAt = performance.now()
  let refusal: unknown
  try {
    // Meanwhile, another lane or batch may have found that it is set apart.
    if (apart.has(tenantId)) throw new JobPostponedError(0)
    const jobs = items.map(({ job }) => job)
    const patienceMs = Math.round(apart.patienceMs(tenantId) * shareOfPatience)
    await applyJobs(services, tenantId, jobs, signal, patienceMs)
    for (const item of items) item.resolve()
    return true
  } catch (error) {
    refusal = error
  }
  if (isRetryable(refusal)) {
    progress.waits()
    if (!apart.failed(tenantId, startedAt, refusal)) return false
    refusal = new JobPostponedError(0)
  }
  for (const item of items) item.reject(refusal)
  return true
}

/** @throws an error that may pass: then all of it may be applied again. */
async function applyJobs(
  services: LaneServices,
  tenantId: string,
  jobs: IngestJob[],
  signal: AbortSignal,
  patienceMs: number,
): Promise<void> {
  const { queue, log, pace, apart, suspects, lane, tracing } = services
  const events = jobs.flatMap((job) => job.events.map((event) => ({ job, event })))
  const startedAt = performance.now()
  const options = { signal, patienceMs, isAtFault: suspects.areAtFault(jobs) }
  const apply = async () => applyIsolated(services, tenantId, events, options)
  const facts = { lane, tenantId, events: events.length }
  let isDirty: boolean
  try {
    isDirty = await (tracing?.apply(facts, jobs, apply) ?? apply())
  } catch (error) {
    suspects.refused(jobs, error)
    throw error
  }
  suspects.applied(tenantId)
  apart.succeeded(tenantId)
  services.progress.finished(jobs, performance.now() - startedAt)
  queue.announceApplied(jobs.map(({ batchId }) => batchId))
  if (!isDirty) return
  // A lost nudge costs a delay but no data: the sweep finds the mark.
  nudgeAggregate({ queue, pace }, tenantId).catch((error: unknown) =>
    log.warn({ err: error }, 'aggregate nudge failed'),
  )
}
