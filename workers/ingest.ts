import { JobPostponedError, type Handler, type QueueBackend } from '../src/queue/backend.ts'
import type { IngestJob, IngestLane } from '../src/queue/catalog.ts'
import { weightOf } from '../src/domain/events.ts'
import type { Tracing } from '../src/domain/tracing.ts'
import { isRetryable } from '../src/store/errors.ts'
import type { Apart } from './apart.ts'
import { createGatherer, type Precedence } from './batch.ts'
import { applyIsolated, type IsolationServices } from './isolation.ts'
import { nudgeAggregate, type Pace } from './pace.ts'
import type { LaneProgress, WorkerProgress } from './progress.ts'
import { createWaitingRoom, type Waiting, type WaitingRoom } from './waiting-room.ts'

export interface WorkerServices extends Omit<IsolationServices, 'progress'> {
  queue: QueueBackend
  pace: Pace
  progress: WorkerProgress
  apart: Apart
  /** null, or absent: nobody asked for traces. */
  tracing?: Tracing | null
}

interface LaneServices extends Omit<WorkerServices, 'progress'> {
  lane: IngestLane
  progress: LaneProgress
}

/** Bounds a batch to about 1,000 events or 4 MiB (weightOf). */
const maxBatchWeight = 1000

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
      const item = { job, weight: weightOf(job.events), signal, places, resolve, reject }
      if (room.has(tenantId)) room.enter(tenantId, [item])
      else bring(item)
    }).finally(() => progress.hold(-1))
  }
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
  const { queue, log, pace, apart, lane, tracing } = services
  const startedAt = performance.now()
  const apply = async () => applyIsolated(services, tenantId, jobs, { signal, patienceMs })
  const facts = { lane, tenantId, events: jobs.reduce((sum, job) => sum + job.events.length, 0) }
  const isDirty = await (tracing?.apply(facts, jobs, apply) ?? apply())
  apart.succeeded(tenantId)
  services.progress.finished(jobs, performance.now() - startedAt)
  queue.announceApplied(jobs.map(({ batchId }) => batchId))
  if (!isDirty) return
  // A lost nudge costs a delay but no data: the sweep finds the mark.
  nudgeAggregate({ queue, pace }, tenantId).catch((error: unknown) =>
    log.warn({ err: error }, 'aggregate nudge failed'),
  )
}
