import type { Clock } from '../src/domain/clock.ts'
import { toEpochMs } from '../src/domain/timestamp.ts'
import type { IngestJob, IngestLane } from '../src/queue/catalog.ts'

/** What the workers of this process do. The readiness check and the watchdog look at it. */
export interface WorkerProgress {
  /** When a batch was last finished, in epoch milliseconds. Until then, the time of the start. */
  lastAt(): number
  /** Where each lane stands. */
  lanes(): readonly Readonly<LaneState>[]
  lane(lane: IngestLane): LaneProgress
  /** Traces were removed that were older than their tenant keeps them. */
  retained(traces: number): void
  /** How many that were so far. */
  retainedTraces(): number
  /** @param count how many tenants are set apart now */
  showApart(count: () => number): void
  /** How many tenants are set apart, because others are applied and they are not. */
  tenantsApart(): number
}

export interface LaneState {
  /** How many jobs are under way. */
  held: number
  /**
   * Goes up with everything that shows that the lane is not stuck: with a batch that it finishes, and with an error of
   * the database that it waits to pass.
   */
  signs: number
}

/** What is told of one lane. */
export interface LaneProgress {
  /** A job was taken from the queue, or ended. */
  hold(change: 1 | -1): void
  /** Events are committed. */
  applied(events: number): void
  deadLettered(reason: string): void
  /** The database is away or busy. */
  waits(): void
  finished(jobs: readonly IngestJob[], ms: number): void
}

/** Measures what is done in one lane. */
export interface LaneMeter {
  held(change: 1 | -1): void
  applied(events: number): void
  deadLetter(reason: string): void
  batch(events: number, seconds: number, lags: number[]): void
}

export function createProgress(
  clock: Clock,
  meterOf: (lane: IngestLane) => LaneMeter | undefined = () => undefined,
): WorkerProgress {
  const now = (): number => toEpochMs(clock.now())
  let last = now()
  const lanes: LaneState[] = []
  let retained = 0
  let apart = (): number => 0
  return {
    retained: (traces) => void (retained += traces),
    retainedTraces: () => retained,
    showApart: (count) => void (apart = count),
    tenantsApart: () => apart(),
    lastAt: () => last,
    lanes: () => lanes,
    lane(lane) {
      const meter = meterOf(lane)
      const state: LaneState = { held: 0, signs: 0 }
      lanes.push(state)
      return {
        hold(change) {
          state.held += change
          meter?.held(change)
        },
        applied: (events) => meter?.applied(events),
        deadLettered: (reason) => meter?.deadLetter(reason),
        waits: () => void state.signs++,
        finished(jobs, ms) {
          last = now()
          state.signs++
          const events = jobs.reduce((sum, job) => sum + job.events.length, 0)
          const lags = jobs.map((job) => Math.max(0, last - toEpochMs(job.receivedAt)) / 1000)
          meter?.batch(events, ms / 1000, lags)
        },
      }
    },
  }
}
