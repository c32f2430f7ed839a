import type { Job } from 'bullmq'
import { type Handler, JobPostponedError } from '../backend.ts'
import { type JobData, queues, type QueueName } from '../catalog.ts'
import { unpackJob } from '../payload.ts'
import type { QueueLog } from '../report.ts'
import type { BullWorker, Datastore, SharedWorkerOptions } from './datastore.ts'
import type { HeldJobs } from './held-jobs.ts'
import { bullName } from './shards.ts'

const workerOptions: SharedWorkerOptions = {
  // Jobs of a process of which it is not known that it ended (it is on another machine, or hangs) are taken over after
  // lockDuration plus at most two checks: after 10 to 14 seconds.
  lockDuration: 10_000,
  stalledInterval: 2_000,
  maxStalledCount: 2 ** 31 - 1,
  // How long a lost wake-up can go unnoticed, in seconds.
  drainDelay: 2,
  // First it is named, see held-jobs.ts.
  autorun: false,
  // BullMQ waits this long after a connection error before it looks for work again; its own default is 15 s.
  runRetryDelay: 1_000,
}

/** A shard holds so many at least: a tenant is in one alone, and its batches are gathered from there. */
const leastOfShard = 16

/** Returns the milliseconds before the next attempt: 250, 500, 1,000 ... 30,000, unless the handler says otherwise. */
function retryDelay(attemptsMade: number, cause: unknown): number {
  if (cause instanceof JobPostponedError) return cause.delayMs
  return Math.min(30_000, 250 * 2 ** Math.min(attemptsMade - 1, 10))
}

export interface WorkerParts<Q extends QueueName> {
  store: Datastore
  name: Q
  shard: number
  /** How many shards share what the process may hold. */
  shards: number
  handler: Handler<Q>
  held: HeldJobs
  /** Aborted when the process is asked to stop. Handlers get it. */
  stopping: AbortSignal
  /** Aborted when running handlers have used up their time: their jobs go back to the queue. */
  abandon: AbortSignal
  missPayload(queue: QueueName, jobId: string | undefined): void
  log: QueueLog
  report(error: unknown, where: string): void
}

/** Starts what takes the jobs of one queue of BullMQ and has them done. */
export function openWorker<Q extends QueueName>(parts: WorkerParts<Q>): BullWorker {
  const { store, name, shard, shards, handler, held, stopping, abandon, log, report } = parts
  const { concurrency } = queues[name]
  const places = Math.max(Math.min(concurrency, leastOfShard), Math.ceil(concurrency / shards))
  const work = async (job: Job) => {
    // BullMQ may fetch one more job while it closes. Its handler would wait for an abort that has already happened.
    if (stopping.aborted) throw new Error('stopping')
    try {
      const packed = await store.read(String(job.data))
      if (packed === null) {
        // A worker that took it before has applied it, and was stopped before it could say so: one attempt did not end.
        if (job.attemptsStarted <= job.attemptsMade + 1) parts.missPayload(name, job.id)
        return
      }
      const data = (await unpackJob(packed)) as JobData[Q]
      await unlessAborted(abandon, handler(data, { signal: stopping, places }))
      // Before the job ends: a payload without a job would stay for ever. If this fails, the job is applied once more.
      await store.forget(String(job.data))
    } catch (error) {
      const attempt = job.attemptsMade + 1
      if (!(error instanceof JobPostponedError)) {
        log.warn({ err: error, queue: name, job: job.id, attempt }, `queue: a job failed`)
      }
      // Throws another error than the handler's, because BullMQ gives a meaning to some names and messages, and
      // stores the text.
      throw new Error('failed, see the log', { cause: error })
    }
  }
  const worker = store.openWorker(bullName(name, shard), work, {
    ...workerOptions,
    concurrency: places,
    settings: {
      backoffStrategy: (attemptsMade, _type, error) =>
        stopping.aborted ? 0 : retryDelay(attemptsMade, error?.cause),
    },
  })
  worker.on('error', (error) => report(error, `worker ${name}`))
  held.follow(worker)
  void worker.run().catch((error: unknown) => report(error, `worker ${name}`))
  return worker
}

function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(new Error('still running when the process had to stop'))
    signal.addEventListener('abort', abandon, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon))
  })
}
