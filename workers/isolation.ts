import type { Clock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import type { Log } from '../src/domain/log.ts'
import type { IngestJob } from '../src/queue/catalog.ts'
import { errorKind, isRetryable } from '../src/store/errors.ts'
import type { Db } from '../src/store/pool.ts'
import { deadLetterInsert } from '../src/store/write/dead-letters.ts'
import { applyEvents, type PriceRuns } from '../src/store/write/ingest.ts'
import type { LaneProgress } from './progress.ts'

export interface IsolationServices {
  db: Db
  clock: Clock
  log: Log
  prices: PriceRuns
  progress: Pick<LaneProgress, 'applied' | 'deadLettered'>
}

export interface JobEvent {
  job: IngestJob
  event: IngestEvent
}

export interface AttemptOptions {
  /** Aborted when the process stops. */
  readonly signal: AbortSignal
  /** How long each statement may take. */
  readonly patienceMs: number
}

/**
 * Applies events of a tenant, and dead-letters those that the database refuses (SPEC I5).
 * @returns whether the tenant's aggregates are now dirty
 * @throws an error that may pass: then all of it may be applied again
 */
export async function applyIsolated(
  services: IsolationServices,
  tenantId: string,
  events: JobEvent[],
  options: AttemptOptions,
): Promise<boolean> {
  const attempt: Attempt = { ...options, applied: 0, isDirty: false, unclear: [] }
  await applyOrDeadLetter(services, tenantId, events, attempt)
  for (const { of, error } of attempt.unclear) {
    // Nothing else of the tenant could be applied: the event is not at fault.
    if (attempt.applied === 0) throw error
    await deadLetter(services, tenantId, of, error)
  }
  return attempt.isDirty
}

interface Attempt extends AttemptOptions {
  /** How many events are committed. */
  applied: number
  isDirty: boolean
  /** Events that were refused alone, by errors that do not tell whether that will pass. */
  readonly unclear: { of: JobEvent; error: unknown }[]
}

/** A refused batch is halved until the bad event is alone. */
async function applyOrDeadLetter(
  services: IsolationServices,
  tenantId: string,
  events: JobEvent[],
  attempt: Attempt,
): Promise<void> {
  const { signal, patienceMs, unclear } = attempt
  try {
    const given = events.map(({ event }) => event)
    const { db, prices } = services
    if (await applyEvents(db, tenantId, given, prices, patienceMs)) attempt.isDirty = true
    attempt.applied += events.length
    services.progress.applied(events.length)
  } catch (error) {
    signal.throwIfAborted()
    const isUnclear = errorKind(error) === 'unclear'
    if (isRetryable(error) && !isUnclear) throw error
    const middle = Math.ceil(events.length / 2)
    if (events.length > 1) {
      await applyOrDeadLetter(services, tenantId, events.slice(0, middle), attempt)
      await applyOrDeadLetter(services, tenantId, events.slice(middle), attempt)
    } else if (isUnclear) {
      unclear.push({ of: events[0]!, error })
      // Two that have nothing to do with each other: the tenant's part of the database is away.
      if (attempt.applied === 0 && unclear.length > 1) throw error
    } else {
      await deadLetter(services, tenantId, events[0]!, error)
    }
  }
}

async function deadLetter(
  services: IsolationServices,
  tenantId: string,
  { job, event }: JobEvent,
  error: unknown,
): Promise<void> {
  const errorReason = errorKind(error) ?? 'error'
  const reason = error instanceof Error ? error.message : String(error)
  services.log.error(
    { err: error, reason: errorReason, tenantId, kind: event.kind, id: event.id },
    'event dead-lettered',
  )
  await deadLetterInsert(services.db, {
    tenantId,
    batchId: job.batchId,
    event,
    reason,
    receivedAt: job.receivedAt,
    now: services.clock.now(),
  })
  services.progress.deadLettered(errorReason)
}
