import type { OldestJobs, QueueCounts } from './backend.ts'
import { ingestLanes, type IngestLane, type QueueName } from './catalog.ts'

/** What the queue says of itself at one moment. */
export interface QueueSight {
  counts: Record<QueueName, QueueCounts>
  oldest: OldestJobs
}

export interface StallWatch {
  /**
   * Looks at the queue again.
   * @param lastAppliedAt when this process last heard that something was applied, in epoch milliseconds; 0 for never
   * @returns for how long work has waited and nothing was finished, in milliseconds; 0 when no work waits
   */
  look(sight: QueueSight, now: number, lastAppliedAt: number): number
}

/**
 * Tells from the queue alone whether workers anywhere make progress, so that a process without workers sees it too. A
 * queue is worked off when a job is gone: there are fewer than before, or the oldest of a lane is another. A long queue
 * that is worked off is no stall. Jobs that wait for their next attempt are no work that waits.
 */
export function createStallWatch(): StallWatch {
  let progressAt: number | null = null
  let jobsBefore = 0
  let oldestBefore: Partial<Record<IngestLane, number>> = {}

  return {
    look({ counts, oldest }, now, lastAppliedAt) {
      const busy = ingestLanes.filter((lane) => counts[lane].waiting + counts[lane].active > 0)
      const jobs = ingestLanes.reduce((sum, lane) => sum + jobsOf(counts[lane]), 0)
      const oldestNow: Partial<Record<IngestLane, number>> = {}
      for (const lane of busy) {
        // A job that went back to the queue is not worked off.
        const { waiting, active, delayed } = oldest[lane]
        oldestNow[lane] = Math.min(waiting ?? now, active ?? now, delayed ?? Infinity)
      }
      const isWorkedOff =
        jobs < jobsBefore ||
        ingestLanes.some((lane) => (oldestNow[lane] ?? Infinity) > (oldestBefore[lane] ?? Infinity))
      if (busy.length === 0 || isWorkedOff) progressAt = now
      progressAt ??= now
      jobsBefore = jobs
      oldestBefore = oldestNow
      return busy.length === 0 ? 0 : Math.max(0, now - Math.max(progressAt, lastAppliedAt))
    },
  }
}

function jobsOf({ waiting, active, delayed }: QueueCounts): number {
  return waiting + active + delayed
}
