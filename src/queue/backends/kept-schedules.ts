import type { QueueName } from '../catalog.ts'
import type { QueueLosses } from '../losses.ts'
import type { QueueLog } from '../report.ts'
import type { BullQueue } from './datastore.ts'

export interface Schedule {
  queue: QueueName
  /** The id of the job scheduler. */
  id: string
  everyMs: number
  /** JSON. */
  data: string
}

export interface KeptSchedulesOptions {
  queueOf(name: QueueName): BullQueue
  create(schedule: Schedule): Promise<unknown>
  /** See `Datastore.hasLostMark`. */
  hasLostMark(): Promise<boolean>
  log: QueueLog
}

/** The schedules that this process asked for. It looks whether they are still there, and creates them anew if not. */
export interface KeptSchedules {
  keep(schedule: Schedule): void
  look(): Promise<void>
  /** Tells of a job whose payload was lost. */
  missPayload(queue: QueueName, jobId: string | undefined): void
  losses(): QueueLosses
}

export function keepSchedules(options: KeptSchedulesOptions): KeptSchedules {
  const { queueOf, create, hasLostMark, log } = options
  const kept = new Map<string, Schedule>()
  /** What was missing at the last look, and which of its jobs. */
  let missed = new Map<Schedule, string>()
  /** True until everything is there again, so that one loss is told once however long its repair takes. */
  let isTold = false
  const losses: QueueLosses = { emptied: 0, schedulesRepaired: 0, lastAt: null }

  /** @returns the schedules that are missing. One that moves on while we look seems to miss a job, but never twice. */
  async function findMissing(isCertain: boolean): Promise<Schedule[]> {
    const before = missed
    missed = new Map()
    for (const schedule of kept.values()) {
      const what = await findGap(queueOf(schedule.queue), schedule.id)
      if (what !== null) missed.set(schedule, what)
    }
    return [...missed]
      .filter(([schedule, what]) => isCertain || before.get(schedule) === what)
      .map(([schedule]) => schedule)
  }

  return {
    keep(schedule) {
      kept.set(`${schedule.queue} ${schedule.id}`, schedule)
    },

    async look() {
      const isMarkLost = await hasLostMark()
      const missing = await findMissing(isMarkLost)
      if (missed.size === 0) isTold = false
      const isAllMissing = missing.length > 1 && missing.length === kept.size
      const isEmptied = isMarkLost || (isAllMissing && !isTold)
      if (!isEmptied && missing.length === 0) return
      losses.lastAt = Date.now()
      if (isEmptied) {
        isTold = true
        losses.emptied += 1
        log.error(
          {},
          'queue: THE QUEUE WAS EMPTIED, OR SET BACK TO AN EARLIER STATE: accepted events that were not applied yet are lost',
        )
      }
      const names = missing.map(({ queue, id }) => `${queue}/${id}`)
      // A schedule that cannot be created now is still missing at the next look.
      for (const schedule of missing) {
        await create(schedule)
        losses.schedulesRepaired += 1
      }
      if (names.length > 0) {
        log.warn({ schedules: names }, 'queue: repeating jobs were missing and are created anew')
      }
    },

    missPayload(queue, jobId) {
      losses.emptied += 1
      losses.lastAt = Date.now()
      log.error(
        { queue, jobId },
        'queue: THE PAYLOAD OF A JOB IS GONE: its accepted events are lost',
      )
    },

    losses: () => ({ ...losses }),
  }
}

/** @returns what is missing of a schedule: all of it, or its next job, without which it never goes on; or null */
async function findGap(queue: BullQueue, id: string): Promise<string | null> {
  const scheduler = await queue.getJobScheduler(id)
  if (scheduler === undefined || scheduler === null) return 'schedule'
  const jobId = `repeat:${id}:${scheduler.next}`
  return (await queue.getJob(jobId)) ? null : jobId
}
