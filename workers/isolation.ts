import type { Clock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import type { Log } from '../src/domain/log.ts'
import type { IngestJob } from '../src/queue/catalog.ts'
import { errorKind, isRetryable } from '../src/store/errors.ts'
import type { Db } from '../src/store/pool.ts'
import { deadLetterInsert } from '../src/store/write/dead-letters.ts'
import { applyEvents, type PriceRuns } from '../src/store/write/ingest.ts'
import type { LaneProgress } from './progress.ts'
import type { Suspects } from './suspects.ts'

export interface IsolationServices {
  db: Db
  clock: Clock
  log: Log
  prices: PriceRuns
  progress: Pick<LaneProgress, 'applied' | 'deadLettered'>
  suspects: Suspects
}

interface JobEvent {
  job: IngestJob
  event: IngestEvent
}

interface AttemptOptions {
  /** Aborted when the process stops. */
  readonly signal: AbortSignal
  /** How long each statement may take. */
  readonly patienceMs: number
}

/**
 * Applies the events of jobs of a tenant, and dead-letters those that the database refuses (SPEC I5).
 * @returns whether the tenant's aggregates are now dirty
 * @throws an error that may pass: then all of it may be applied again
 */
export async function applyIsolated(
  services: IsolationServices,
  tenantId: string,
  jobs: readonly IngestJob[],
  options: AttemptOptions,
): Promise<boolean> {
  const { suspects } = services
  const events = jobs.flatMap((job) => job.events.map((event) => ({ job, event })))
  const attempt: Attempt = {
    ...options,
    isAtFault: suspects.areAtFault(jobs),
    last: events.at(-1)!,
    hasApplied: false,
    isDirty: false,
    unclear: [],
    deadLettered: 0,
  }
  try {
    await applyOrDeadLetter(services, tenantId, events, attempt)
    await settleUnclear(services, tenantId, attempt)
  } catch (error) {
    suspects.refused(jobs, error)
    throw error
  }
  if (attempt.hasApplied) suspects.applied(tenantId)
  // Only now: what is repeated counts once.
  services.progress.applied(events.length - attempt.deadLettered)
  return attempt.isDirty
}

/** Dead-letters the events that were refused alone without a reason, or says that they are not at fault, by throwing. */
async function settleUnclear(
  services: IsolationServices,
  tenantId: string,
  attempt: Attempt,
): Promise<void> {
  const { unclear, isAtFault, signal } = attempt
  // Nothing else of the tenant could be applied.
  if (unclear.length > 0 && !attempt.hasApplied && !isAtFault) throw unclear[0]!.error
  // The error may have passed meanwhile.
  for (const { of } of unclear) {
    try {
      await apply(services, tenantId, [of], attempt)
    } catch (error) {
      signal.throwIfAborted()
      if (isRetryable(error) && errorKind(error) !== 'unclear') throw error
      await deadLetter(services, tenantId, of, error)
      attempt.deadLettered += 1
    }
  }
}

interface Attempt extends AttemptOptions {
  /** Whether errors that do not tell whether they will pass are those of the events (suspects.ts). */
  readonly isAtFault: boolean
  readonly last: JobEvent
  /** Whether any event is committed. */
  hasApplied: boolean
  isDirty: boolean
  /** Events that were refused alone, by errors that do not tell whether that will pass. */
  readonly unclear: { of: JobEvent; error: unknown }[]
  deadLettered: number
}

async function apply(
  { db, prices }: IsolationServices,
  tenantId: string,
  events: JobEvent[],
  attempt: Attempt,
): Promise<void> {
  const given = events.map(({ event }) => event)
  const isDirty = await applyEvents(db, tenantId, given, prices, attempt.patienceMs)
  attempt.hasApplied = true
  attempt.isDirty ||= isDirty
}

/** A refused batch is halved until the bad event is alone. */
async function applyOrDeadLetter(
  services: IsolationServices,
  tenantId: string,
  events: JobEvent[],
  attempt: Attempt,
): Promise<void> {
  const { signal, unclear, last } = attempt
  try {
    await apply(services, tenantId, events, attempt)
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
      if (unclear.length === 2 && !attempt.isAtFault) {
        await lookElsewhere(services, tenantId, last, attempt)
      }
    } else {
      await deadLetter(services, tenantId, events[0]!, error)
      attempt.deadLettered += 1
    }
  }
}

/**
 * Two neighbours were refused, which may be bad together. When an event far from them is refused, too, the tenant's part of
 * the database is away, and to try all others would be in vain.
 */
async function lookElsewhere(
  services: IsolationServices,
  tenantId: string,
  last: JobEvent,
  attempt: Attempt,
): Promise<void> {
  if (attempt.hasApplied) return
  try {
    await apply(services, tenantId, [last], attempt)
  } catch (error) {
    if (isRetryable(error)) throw error
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
