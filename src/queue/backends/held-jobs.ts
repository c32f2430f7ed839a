import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { QueueLog } from '../report.ts'
import type { BullQueue, BullWorker, Datastore, HeldJob, JobOwner } from './datastore.ts'

/*
 * Jobs that are locked and that nobody works on. BullMQ gives them back when their locks have expired. Here they are
 * found sooner, in two cases:
 * - The process that holds them has ended. Its id is in the lock.
 * - This process holds them and does not know it: the connection was cut when the answer was on its way.
 * Tests: test/queue/stalled.test.ts.
 */

/** More than a worker can have at a time. */
const rememberAtMost = 10_000

export interface HeldJobsOptions {
  store: Datastore
  queue: BullQueue
  owner: JobOwner | undefined
  log: QueueLog
}

/** Watches what one worker holds, and what processes that ended have left in its queue. */
export interface HeldJobs {
  /** Names the worker, before it runs, and notes what it receives. */
  follow(worker: BullWorker): void
  /** Lets jobs wait again that nobody works on. Own ones only at the second look: an answer may be on its way. */
  look(): Promise<void>
}

export function watchHeldJobs({ store, queue, owner, log }: HeldJobsOptions): HeldJobs {
  const ownerId = owner?.id ?? randomUUID()
  const workerId = `${ownerId}:${randomUUID()}`
  const received = new LRUCache<string, true>({ max: rememberAtMost })
  let suspects = new Set<string>()

  async function isLost(job: HeldJob, hasEnded: (id: string) => Promise<boolean>) {
    const [holderId = ''] = job.token.split(':')
    if (holderId !== ownerId) return hasEnded(holderId)
    return suspects.has(nameOf(job))
  }

  return {
    follow(worker) {
      // BullMQ offers no option for it. The id is the first part of the token of each lock.
      Object.defineProperty(worker, 'id', { value: workerId })
      worker.on('active', ({ id }) => received.set(id!, true))
      worker.on('completed', ({ id }) => received.delete(id!))
      worker.on('failed', (job) => {
        if (job?.id !== undefined) received.delete(job.id)
      })
    },

    async look() {
      const held = await store.held(queue)
      const endings = new Map<string, Promise<boolean>>()
      const hasEnded = (id: string) => {
        const asked = endings.get(id) ?? owner?.hasEnded(id) ?? Promise.resolve(false)
        endings.set(id, asked)
        return asked
      }
      let released = 0
      for (const job of held) {
        if (!(await isLost(job, hasEnded))) continue
        await store.release(queue, job)
        released += 1
      }
      suspects = new Set(
        held
          .filter(({ id, token }) => token.startsWith(`${workerId}:`) && !received.has(id))
          .map(nameOf),
      )
      if (released > 0) {
        log.warn(
          { queue: queue.name, jobs: released },
          'queue: jobs wait again that were taken by a process that ended, or whose answer was lost on its way',
        )
      }
    },
  }
}

function nameOf({ id, token }: HeldJob): string {
  return `${id} ${token}`
}
