import type { BaseAdapter } from '@bull-board/api/baseAdapter'
import type { IngestLane, JobData, QueueName } from './catalog.ts'
import type { QueueLosses } from './losses.ts'

export interface JobContext {
  /** Aborted when the process is asked to stop: a handler that waits for an outage to pass must give up then. */
  signal: AbortSignal
  /** How many jobs the process takes at a time from where this one came from. */
  places: number
}

/**
 * Does one job. It runs at least once per job, concurrently with other jobs of its queue. A job whose handler rejects
 * goes back to the queue and is tried again until it succeeds, so a handler rejects only for what may pass by itself.
 */
export type Handler<Q extends QueueName> = (data: JobData[Q], context: JobContext) => Promise<void>

/**
 * Thrown by a handler that cannot do its job now and needs its place for others. It says nothing of the job, which comes
 * again after `delayMs`, and is no failure to tell of.
 */
export class JobPostponedError extends Error {
  override name = 'JobPostponedError'
  readonly delayMs: number
  constructor(delayMs: number) {
    super(`postponed for ${delayMs} ms`)
    this.delayMs = delayMs
  }
}

/** One handler for every queue. A new queue does not compile until it has a handler. */
export type Handlers = { [Q in QueueName]: Handler<Q> }

export type QueueCounts = Record<'waiting' | 'active' | 'delayed' | 'failed', number>

/** The memory of a datastore that keeps jobs there: how much is used, and where it begins to refuse jobs. */
export type QueueMemory = Record<'usedBytes' | 'maxBytes', number>

/** Connections of a pool: at work, at most, and how many statements wait for one. */
export type QueuePool = Record<'used' | 'max' | 'waiting', number>

/** When the oldest job of each lane and state was added, in epoch milliseconds; null where there is none. */
export type OldestJobs = Record<IngestLane, Record<'waiting' | 'active' | 'delayed', number | null>>

/** Waits for a batch to be applied. It is made before the batch is enqueued, so that no announcement is missed. */
export interface AppliedWatch {
  /** Resolves true once the batch was announced, false after `timeoutMs`. */
  wait(timeoutMs: number): Promise<boolean>
  /** Stops watching. It must always be called, also after `wait`. */
  cancel(): void
}

/**
 * Thrown by `enqueue`, `nudge` and `schedule` when the datastore cannot take the job within about two seconds.
 * Nothing was stored; or, when only the answer was lost on its way, or NotReplicatedError is the cause, perhaps all of
 * it. The caller may repeat the call (SPEC I2).
 */
export class QueueUnavailableError extends Error {
  override name = 'QueueUnavailableError'
}

/** The cause of a QueueUnavailableError: replicas do not follow. What was under way may be stored (SPEC I7). */
export class NotReplicatedError extends Error {
  override name = 'NotReplicatedError'
}

/**
 * What the product needs of a queue. `start` and `stop` may be called twice, and `stop` without `start`.
 * test/queue/conformance.test.ts runs over every backend.
 */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres' | 'inline'
  /** Connects. Rejects when the datastore cannot be reached. */
  start(): Promise<void>
  /** Stops workers (running handlers are given a few seconds), then disconnects. */
  stop(): Promise<void>
  /**
   * Resolves once all jobs are durable. All of them are stored, or none (QueueUnavailableError).
   * @param priority 0 to 2,097,151. The lowest are taken first.
   * @param isPlain true where there is room for jobs that are not compressed, which saves half of what they cost
   * @returns the bytes of the jobs, as they are kept
   */
  enqueue<Q extends QueueName>(
    queue: Q,
    jobs: JobData[Q][],
    priority?: number,
    isPlain?: boolean,
  ): Promise<number>
  /**
   * Enqueues one job, unless a job of the same key waits or runs. It never carries payload: it only says where to
   * look. A change that comes after the handler last looked, and before its job is gone, is found by the sweep.
   */
  nudge<Q extends QueueName>(
    queue: Q,
    key: string,
    data: JobData[Q],
    delayMs?: number,
  ): Promise<void>
  /** Repeats a job every `everyMs` milliseconds: once for all processes together, and across restarts and losses. */
  schedule<Q extends QueueName>(
    queue: Q,
    key: string,
    everyMs: number,
    data: JobData[Q],
  ): Promise<void>
  /** Starts the workers of this process, one for each queue that has a handler here. */
  work(handlers: Partial<Handlers>): Promise<void>
  /** Tells every process that these batches are applied. Best effort: a waiter that is not told times out. */
  announceApplied(batchIds: string[]): void
  watchApplied(batchId: string): AppliedWatch
  /** Calls `listener` with every announcement that reaches this process, which may be told some of them twice. */
  onApplied(listener: (batchIds: string[]) => void): void
  counts(): Promise<Record<QueueName, QueueCounts>>
  /** Looks at the jobs that are next in each lane, at most 100 of each state, because the order is not by age alone. */
  oldest(): Promise<OldestJobs>
  /** The memory of the fullest server; null where none has a limit, or none says so. */
  memory(): Promise<QueueMemory | null>
  losses(): QueueLosses
  /** The use of the connections to Postgres; null for a backend that has none. */
  connections(): QueuePool | null
  /**
   * The queues as bull-board shows them, read-only and without what clients sent; null for a backend that bull-board
   * cannot look into, and before `start`.
   */
  board(): BaseAdapter[] | null
  /** Rejects when the datastore does not answer within a second or two. */
  ping(): Promise<void>
}
