import type { JobData, QueueName } from './catalog.ts'

export interface JobContext {
  /** Aborted when the process is asked to stop: a handler that waits for an outage to pass must give up then. */
  signal: AbortSignal
}

/**
 * Does one job. Runs concurrently with others of its queue, at least once per job. A rejection puts the job back:
 * it is tried again until it succeeds, so a handler rejects only for what may pass.
 */
export type Handler<Q extends QueueName> = (data: JobData[Q], context: JobContext) => Promise<void>

/** One handler for every queue: a new queue does not compile until it is handled. */
export type Handlers = { [Q in QueueName]: Handler<Q> }

export interface QueueCounts {
  waiting: number
  active: number
  delayed: number
  failed: number
}

/** Tells when a batch is applied. Made before the batch is enqueued, so that no announcement is missed. */
export interface AppliedWatch {
  /** Resolves true once the batch was announced, false after `timeoutMs`. */
  wait(timeoutMs: number): Promise<boolean>
  /** Stops watching; called in any case, also after `wait`. */
  cancel(): void
}

/**
 * Thrown by `enqueue`, `nudge` and `schedule` when the datastore cannot take the job now, within about two seconds.
 * Nothing was stored; or, when only the answer was lost on its way, all of it. The caller may repeat it: SPEC I2.
 */
export class QueueUnavailableError extends Error {
  override name = 'QueueUnavailableError'
}

/**
 * What the product needs of a queue. `start` and `stop` may be called twice, and `stop` without `start`.
 * Conformance: test/queue/conformance.test.ts runs over every backend.
 */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres' | 'inline'
  /** Connects. Rejects when the datastore cannot be reached. */
  start(): Promise<void>
  /** Stops workers (running handlers are given a few seconds), then disconnects. */
  stop(): Promise<void>
  /** Resolves once all jobs are durable; all of them or none (QueueUnavailableError). */
  enqueue<Q extends QueueName>(queue: Q, jobs: JobData[Q][]): Promise<void>
  /**
   * Like `enqueue` of one job, but does nothing while a job of the same key waits or runs. Never carries payload. What
   * happens after the handler's last look and before its job is gone is for a sweep to find.
   */
  nudge<Q extends QueueName>(
    queue: Q,
    key: string,
    data: JobData[Q],
    delayMs?: number,
  ): Promise<void>
  /** Repeats a job every `everyMs` milliseconds, once for all processes, across restarts. */
  schedule<Q extends QueueName>(
    queue: Q,
    key: string,
    everyMs: number,
    data: JobData[Q],
  ): Promise<void>
  /** Starts the workers of this process: those of the queues that it has handlers for. */
  work(handlers: Partial<Handlers>): Promise<void>
  /** Tells every process that these batches are applied. Best effort: a waiter times out and looks for itself. */
  announceApplied(batchIds: string[]): void
  watchApplied(batchId: string): AppliedWatch
  counts(): Promise<Record<QueueName, QueueCounts>>
  /** Rejects when the datastore does not answer within a second or two. */
  ping(): Promise<void>
}
