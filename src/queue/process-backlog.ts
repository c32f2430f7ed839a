import type { QueueBackend, QueueMemory } from './backend.ts'
import { LimitError, type LimitReason } from '../domain/limit-error.ts'
import type { Backlog } from './backlog.ts'
import { ingestLanes, type IngestLane } from './catalog.ts'
import type { Flow } from './flow.ts'
import { createSlots } from './slots.ts'

/*
 * Events that were accepted and are not applied yet, as one API process sees them: how many bytes they are in all and
 * of each tenant, which lane the next ones go to, and when there are too many to take more (SPEC I7).
 *
 * What this process has enqueued is known to the byte, because the workers announce what they have applied. The jobs
 * of other processes are known by number alone, from the queue's counts, and are taken to be as large as the ones of
 * this process are on average. The counts, and the memory of Redis, are looked at once a second, never for a request.
 */

export interface BacklogOptions {
  queue: QueueBackend
  /** What all tenants together may have waiting. One tenant may have half of it. */
  budgetBytes: number
  /** Is told what is accepted and applied. */
  flow?: Flow
  /** Milliseconds. Processes compare it with each other, so it is the time of day. */
  now?: () => number
  /** How fast events are applied, in bytes a second, until that has been seen. */
  firstRate?: number
}

/** The backlog of this process, which looks at the queue from time to time. */
export interface ProcessBacklog extends Backlog {
  /** What this process has enqueued, and nobody has applied yet. @param tenantId null for all tenants */
  waiting(tenantId: string | null): WaitingSeen
  /** Looks at the queue now. */
  sample(): Promise<void>
  /** Looks at the queue once a second, until `stop`. */
  start(): void
  stop(): void
}

/** Requests, or parts of large ones. */
export interface WaitingSeen {
  requests: number
  events: number
  bytes: number
  /** When the oldest was accepted, in epoch milliseconds; null where there is none. */
  oldestAt: number | null
}

const sampleEveryMs = 1_000

/** Of Redis' memory. The rest is for what arrives within a second, other queues, and copying on write. */
const shareOfMemory = 0.6

/** Of the budget, and of the memory that may be used: jobs are compressed when more than that waits. */
const shareOfPlain = 0.25

/** What a datastore keeps of a job beside its data, roughly: names, options, times, an entry in a list. */
const bytesBesideData = 1_024

/** Until this process has enqueued anything. */
const firstAverage = 16_384

/**
 * What one tenant may have in a lane that it shares with others, from this process. More goes to the lane for backlogs.
 * So somebody else's write waits for at most half a batch of each tenant, however much they send.
 */
const allowances = {
  ingest: { jobs: 16, events: 500 },
  'ingest-interactive': { jobs: 32, events: 500 },
} as const

/** The steps in which priorities count time. They start again from 1 every six days. */
const priorityStepMs = 250
/** The largest that BullMQ takes. */
const highestPriority = 2 ** 21 - 1
/** A tenant that is further ahead of the others than that is not put back further. */
const longestLeadMs = 600_000

/** How many processes a tenant is thought to send to, at most, when its part of the others' jobs is estimated. */
const mostProcesses = 8

/**
 * How many requests store their jobs at the same time. On Postgres each holds a connection of a small pool, which the
 * workers of the process need too: what waits for one there would wait behind whatever a tenant sends, and beyond the time
 * limit.
 */
const enqueueAtOnce = { postgres: 3, redis: 64, inline: 64 } as const

const shortestRetrySeconds = 5
const longestRetrySeconds = 30

/** What this process has enqueued of a tenant. */
interface Waiting {
  bytes: number
  lanes: Record<IngestLane, { jobs: number; events: number }>
}

interface Entry {
  tenantId: string
  lane: IngestLane
  events: number
  bytes: number
  at: number
}

export function createBacklog({
  queue,
  budgetBytes,
  flow,
  now = Date.now,
  firstRate = 4 * 1_048_576,
}: BacklogOptions): ProcessBacklog {
  /** By batch, oldest first. */
  const entries = new Map<string, Entry>()
  const tenants = new Map<string, Waiting>()
  let ownBytes = 0
  let average = firstAverage
  /** Bytes a second. */
  let rate = firstRate

  // As of the last look at the queue, and what happened since.
  let othersBytes = 0
  let memory: QueueMemory | null = null
  let sampledAt = now()
  let storedSince = 0
  let appliedSince = 0
  let removedSince = 0

  const slots = createSlots(enqueueAtOnce[queue.kind])
  let timer: NodeJS.Timeout | undefined
  let isStopped = true

  queue.onApplied((batchIds) => {
    for (const batchId of batchIds) {
      const entry = entries.get(batchId)
      if (entry !== undefined) flow?.applied(entry.tenantId, entry.events, now() - entry.at)
      appliedSince += remove(batchId)
    }
  })

  function insert(batchId: string, entry: Entry): void {
    // A dead letter that is replayed twice is the same batch twice.
    remove(batchId)
    entries.set(batchId, entry)
    const waiting = tenants.get(entry.tenantId) ?? nothingWaiting()
    tenants.set(entry.tenantId, waiting)
    waiting.lanes[entry.lane].jobs += 1
    waiting.lanes[entry.lane].events += entry.events
    waiting.bytes += entry.bytes
    ownBytes += entry.bytes
  }

  /** @returns its bytes */
  function remove(batchId: string): number {
    const entry = entries.get(batchId)
    const waiting = entry && tenants.get(entry.tenantId)
    if (!waiting) return 0
    entries.delete(batchId)
    waiting.lanes[entry.lane].jobs -= 1
    waiting.lanes[entry.lane].events -= entry.events
    waiting.bytes -= entry.bytes
    ownBytes -= entry.bytes
    removedSince += 1
    if (ingestLanes.every((lane) => waiting.lanes[lane].jobs === 0)) tenants.delete(entry.tenantId)
    return entry.bytes
  }

  /** Sets the bytes of a job, which the queue tells once it holds it. It may be applied already. */
  function resize(batchId: string, bytes: number): void {
    const entry = entries.get(batchId)
    const waiting = entry && tenants.get(entry.tenantId)
    if (!waiting) return
    waiting.bytes += bytes - entry.bytes
    ownBytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  /** A tenant that has a backlog stays in its lane until that is empty: many small batches would be slower. */
  function laneFor(wanted: IngestLane, tenantId: string): IngestLane {
    const lanes = tenants.get(tenantId)?.lanes
    if (lanes === undefined || wanted === 'ingest-backlog') return wanted
    if (wanted === 'ingest' && lanes['ingest-backlog'].jobs > 0) return 'ingest-backlog'
    const { jobs, events } = lanes[wanted]
    const allowance = allowances[wanted]
    return jobs < allowance.jobs && events < allowance.events ? wanted : 'ingest-backlog'
  }

  /**
   * Where a job stands among those of other tenants: at the time when it would be applied if its tenant were the only
   * one. So a burst stands behind what others send while it is worked off, and nothing stands behind for ever. Clocks
   * of processes that differ by a second make them unfair by a second. The order of a tenant's own events does not
   * matter (SPEC I3).
   */
  function priorityFor(tenantId: string): number {
    const leadMs = ((tenants.get(tenantId)?.bytes ?? 0) / rate) * 1_000
    const due = now() + Math.min(leadMs, longestLeadMs)
    return 1 + (Math.floor(due / priorityStepMs) % highestPriority)
  }

  /** True while so little waits that jobs need not be small. */
  function hasMuchRoom(): boolean {
    const memoryBytes = memory === null ? Infinity : memory.maxBytes * shareOfMemory
    const usedBytes = (memory?.usedBytes ?? 0) + storedSince
    return (
      ownBytes + othersBytes < budgetBytes * shareOfPlain && usedBytes < memoryBytes * shareOfPlain
    )
  }

  function full(reason: LimitReason, message: string, excessBytes: number): LimitError {
    const seconds = Math.ceil(excessBytes / rate)
    return new LimitError(
      reason,
      message,
      Math.min(longestRetrySeconds, Math.max(shortestRetrySeconds, seconds)),
    )
  }

  async function sample(): Promise<void> {
    const ownBefore = entries.size
    const removedBefore = removedSince
    const [counts, newMemory] = await Promise.all([queue.counts(), queue.memory()])
    const jobs = ingestLanes
      .map((lane) => counts[lane].waiting + counts[lane].active + counts[lane].delayed)
      .reduce((sum, count) => sum + count)
    const own = Math.max(0, ownBefore - (removedSince - removedBefore))
    // More than there are: their announcements were lost, or the jobs themselves.
    for (const batchId of [...entries.keys()].slice(0, Math.max(0, own - jobs))) remove(batchId)
    othersBytes = Math.max(0, jobs - own) * average
    memory = newMemory

    const seconds = (now() - sampledAt) / 1_000
    // A rate at which everything was applied that there was says nothing of how fast it could be.
    if (seconds > 0 && entries.size > 0 && appliedSince > 0) {
      rate = 0.7 * rate + 0.3 * (appliedSince / seconds)
    }
    sampledAt = now()
    storedSince = 0
    appliedSince = 0
    removedSince = 0
  }

  function sampleLater(): void {
    timer = setTimeout(() => {
      // While the queue is away nothing is accepted; the last figures hold until it is back.
      void sample()
        .catch(() => {})
        .finally(() => {
          if (!isStopped) sampleLater()
        })
    }, sampleEveryMs)
    timer.unref()
  }

  return {
    assertRoom(tenantId) {
      const total = ownBytes + othersBytes
      if (total >= budgetBytes) {
        throw full(
          'backlog',
          'too many events of all tenants wait to be applied',
          total - budgetBytes / 2,
        )
      }
      const memoryBytes = memory === null ? Infinity : memory.maxBytes * shareOfMemory
      const usedBytes = (memory?.usedBytes ?? 0) + storedSince
      if (usedBytes >= memoryBytes) {
        throw full(
          'queue_memory',
          'the memory of the queue is nearly full',
          usedBytes - memoryBytes,
        )
      }
      const scale = ownBytes === 0 ? 1 : Math.min(mostProcesses, total / ownBytes)
      const ofTenant = (tenants.get(tenantId)?.bytes ?? 0) * scale
      const share = Math.min(budgetBytes, memoryBytes) / 2
      if (ofTenant >= share) {
        throw full(
          'tenant_backlog',
          'too many events of this tenant wait to be applied',
          ofTenant - share / 2,
        )
      }
    },

    async enqueue(wanted, jobs) {
      const tenantId = jobs[0]?.tenantId
      if (tenantId === undefined) return
      const lane = laneFor(wanted, tenantId)
      const priority = lane === 'ingest-backlog' ? priorityFor(tenantId) : 0
      const batchIds = jobs.map(({ batchId }) => batchId)
      let eventCount = 0
      for (const { batchId, events } of jobs) {
        insert(batchId, { tenantId, lane, events: events.length, bytes: average, at: now() })
        eventCount += events.length
      }
      const free = await slots.take(tenantId)
      try {
        const bytes =
          (await queue.enqueue(lane, jobs.splice(0), priority, hasMuchRoom())) / batchIds.length
        const bytesEach = bytes + bytesBesideData
        for (const batchId of batchIds) resize(batchId, bytesEach)
        storedSince += bytesEach * batchIds.length
        average = 0.95 * average + 0.05 * bytesEach
        flow?.accepted(tenantId, eventCount)
      } catch (error) {
        for (const batchId of batchIds) remove(batchId)
        throw error
      } finally {
        free()
      }
    },

    waiting(tenantId) {
      const seen: WaitingSeen = { requests: 0, events: 0, bytes: 0, oldestAt: null }
      for (const entry of entries.values()) {
        if (tenantId !== null && entry.tenantId !== tenantId) continue
        seen.requests += 1
        seen.events += entry.events
        seen.bytes += entry.bytes
        seen.oldestAt ??= entry.at
      }
      return seen
    },

    sample,
    start() {
      if (!isStopped) return
      isStopped = false
      sampleLater()
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

function nothingWaiting(): Waiting {
  const lanes = Object.fromEntries(ingestLanes.map((lane) => [lane, { jobs: 0, events: 0 }]))
  return { bytes: 0, lanes: lanes as Waiting['lanes'] }
}
