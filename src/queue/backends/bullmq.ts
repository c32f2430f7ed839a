import { setMaxListeners } from 'node:events'
import type { Job, JobsOptions } from 'bullmq'
import { packJob, unpackJob } from '../payload.ts'
import { appliedSignals } from '../applied.ts'
import {
  type Handler,
  type Handlers,
  type OldestJobs,
  type QueueBackend,
  type QueueCounts,
  JobPostponedError,
  QueueUnavailableError,
} from '../backend.ts'
import { ingestLanes, type JobData, queueNames, queues, type QueueName } from '../catalog.ts'
import { describeError, errorReporter, type QueueLog } from '../report.ts'
import { repeatEvery } from '../repeat.ts'
import { withTimeLimit } from '../time-limit.ts'
import { boardQueues } from './board.ts'
import type {
  BullQueue,
  BullWorker,
  Connect,
  Datastore,
  JobOwner,
  SharedQueueOptions,
  SharedWorkerOptions,
} from './datastore.ts'
import { type HeldJobs, watchHeldJobs } from './held-jobs.ts'
import { keepSchedules, type Schedule } from './kept-schedules.ts'

/** How long a producer waits for the datastore. */
export interface Pace {
  answerMs: number
  /** Rejects as soon as it is known that the datastore answers nobody. */
  whileAnswering?<T>(work: Promise<T>): Promise<T>
}

/** SPEC I7: a request is refused fast, rather than held while the datastore is away. */
export const usualPace: Pace = { answerMs: 2_000 }
/** A large request is many jobs of up to 1 MiB, and storing them takes longer on a slow disk. */
const answerMsPerFurtherJob = 250
const pingMs = 1_500
const lookMs = 5_000
const subscribeMs = 500
const stopGraceMs = 4_000
const stopLimitMs = 6_000
/** How often a worker looks for jobs that nobody works on, and how often schedules are looked for. */
const heldEveryMs = 1_000
const schedulesEveryMs = 2_000

const jobOptions: JobsOptions = {
  // The largest count that BullMQ's Postgres schema can hold. At one attempt every 30 seconds it is never reached.
  attempts: 2 ** 31 - 1,
  backoff: { type: 'capped' },
  removeOnComplete: true,
  // No job should end there (see `attempts` and `maxStalledCount`). If BullMQ finds a way, the list stays bounded.
  removeOnFail: { count: 1_000 },
  // Our log has the stack. BullMQ would store it again with every attempt.
  stackTraceLimit: 0,
}

const queueOptions: SharedQueueOptions = {
  defaultJobOptions: jobOptions,
  // Nobody reads BullMQ's events (architecture.md 6).
  streams: { events: { maxLen: 100 } },
}

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

/** Returns the milliseconds before the next attempt: 250, 500, 1,000 ... 30,000, unless the handler says otherwise. */
function retryDelay(attemptsMade: number, cause: unknown): number {
  if (cause instanceof JobPostponedError) return cause.delayMs
  return Math.min(30_000, 250 * 2 ** Math.min(attemptsMade - 1, 10))
}

interface Session {
  store: Datastore
  queues: Record<QueueName, BullQueue>
  workers: BullWorker[]
  subscribed?: Promise<void> | undefined
  /** Aborted when the process is asked to stop. Handlers get its signal. */
  stopping: AbortController
  /** Aborted when running handlers have used up their time: their jobs go back to the queue. */
  abandon: AbortController
}

/** Implements QueueBackend by BullMQ: everything that Redis and Postgres have in common. */
export function bullBackend(
  kind: 'redis' | 'postgres',
  connect: Connect,
  log: QueueLog,
  { owner, pace = usualPace }: { owner?: JobOwner | undefined; pace?: Pace } = {},
): QueueBackend {
  const { answerMs, whileAnswering = async (work) => work } = pace
  const report = errorReporter(log)
  let opening: Promise<Session> | undefined
  let session: Session | undefined
  let closing: Promise<void> | undefined

  const applied = appliedSignals((message) => {
    session?.store.publish(message).catch((error: unknown) => report(error, 'announce'))
  })

  const schedules = keepSchedules({
    queueOf: (name) => current().queues[name],
    create: createSchedule,
    hasLostMark: async () => current().store.hasLostMark(),
    log,
  })

  async function createSchedule({ queue, id, everyMs, data }: Schedule): Promise<void> {
    const template = { name: queue, data, opts: jobOptions }
    await produce((open) =>
      open.store.alone(() =>
        open.queues[queue].upsertJobScheduler(id, { every: everyMs }, template),
      ),
    )
  }

  /** Looks within a time limit. Failures are told, unless the process stops: the next look tries again. */
  async function look(signal: AbortSignal, where: string, what: () => Promise<unknown>) {
    await withTimeLimit(what(), lookMs).catch((error: unknown) => {
      if (!signal.aborted) report(error, where)
    })
  }

  async function open(): Promise<Session> {
    let store: Datastore
    try {
      store = await connect(report)
    } catch (error) {
      throw new QueueUnavailableError(`${kind}: ${describeError(error)}`, { cause: error })
    }
    const opened = Object.fromEntries(
      queueNames.map((name) => {
        const queue = store.openQueue(bullName(name), queueOptions)
        queue.on('error', (error) => report(error, `queue ${name}`))
        return [name, queue]
      }),
    ) as Record<QueueName, BullQueue>
    const stopping = withManyListeners(new AbortController())
    const { signal } = stopping
    void repeatEvery(schedulesEveryMs, signal, () => look(signal, 'schedules', schedules.look))
    return {
      store,
      queues: opened,
      workers: [],
      stopping,
      abandon: withManyListeners(new AbortController()),
    }
  }

  function current(): Session {
    if (!session) throw new QueueUnavailableError('the queue is not started')
    return session
  }

  /** Runs one operation of a producer within a time limit. */
  async function produce<T>(what: (open: Session) => Promise<T>, ms = answerMs): Promise<T> {
    const open = current()
    try {
      return await withTimeLimit(whileAnswering(what(open)), ms)
    } catch (error) {
      throw new QueueUnavailableError(`${kind}: ${describeError(error)}`, { cause: error })
    }
  }

  async function subscribe(open: Session): Promise<void> {
    try {
      await open.store.subscribe((message) => applied.deliver(message))
    } catch (error) {
      // The waiters time out, and the next watch tries again.
      open.subscribed = undefined
      report(error, 'subscribe')
    }
  }

  function openWorker<Q extends QueueName>(
    open: Session,
    name: Q,
    handler: Handler<Q>,
    held: HeldJobs,
  ): BullWorker {
    const { signal } = open.stopping
    const work = async (job: Job) => {
      // BullMQ may fetch one more job while it closes. Its handler would wait for an abort that has already happened.
      if (signal.aborted) throw new Error('stopping')
      try {
        const packed = await open.store.read(String(job.data))
        if (packed === null) {
          // A worker that took it before has applied it, and was stopped before it could say so.
          if (job.attemptsStarted <= 1) schedules.missPayload(name, job.id)
          return
        }
        const data = (await unpackJob(packed)) as JobData[Q]
        await unlessAborted(open.abandon.signal, handler(data, { signal }))
        // Before the job ends: a payload without a job would stay for ever. If this fails, the job is applied once more.
        await open.store.forget(String(job.data))
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
    const worker = open.store.openWorker(bullName(name), work, {
      ...workerOptions,
      concurrency: queues[name].concurrency,
      settings: {
        backoffStrategy: (attemptsMade, _type, error) =>
          signal.aborted ? 0 : retryDelay(attemptsMade, error?.cause),
      },
    })
    worker.on('error', (error) => report(error, `worker ${name}`))
    held.follow(worker)
    void worker.run().catch((error: unknown) => report(error, `worker ${name}`))
    return worker
  }

  async function close(open: Session): Promise<void> {
    open.stopping.abort()
    const grace = setTimeout(() => open.abandon.abort(), stopGraceMs)
    const workersClosed = Promise.allSettled(open.workers.map((worker) => worker.close()))
    await withTimeLimit(workersClosed, stopLimitMs).catch((error: unknown) =>
      report(error, 'stopping workers'),
    )
    clearTimeout(grace)
    await withTimeLimit(
      Promise.allSettled(Object.values(open.queues).map((queue) => queue.close())),
      pingMs,
    ).catch((error: unknown) => report(error, 'closing queues'))
    await open.store.close()
  }

  return {
    kind,
    async start() {
      await closing
      opening ??= open()
      try {
        session = await opening
      } catch (error) {
        opening = undefined
        throw error
      }
    },
    async stop() {
      if (!opening) return closing
      const stopped = opening
      opening = undefined
      closing = stopped.then(
        async (open) => {
          session = undefined
          await close(open)
        },
        () => {},
      )
      await closing
    },
    async enqueue(queue, jobs, priority = 0, isPlain = false) {
      if (jobs.length === 0) return 0
      return produce(
        async (open) => {
          // The first watch may still be subscribing. Waits for it, so that its announcement is not missed.
          if (open.subscribed) await withTimeLimit(open.subscribed, subscribeMs).catch(() => {})
          const isCompressed = !isPlain || !open.store.takesPlain
          const payloads = await Promise.all(jobs.map((job) => packJob(job, isCompressed)))
          const options = priority === 0 ? jobOptions : { ...jobOptions, priority }
          await open.store.addAll(open.queues[queue], queue, payloads, options)
          return payloads.reduce((sum, payload) => sum + payload.length, 0)
        },
        answerMs + answerMsPerFurtherJob * (jobs.length - 1),
      )
    },
    async nudge(queue, key, data, delayMs = 0) {
      await produce((open) =>
        open.queues[queue].add(queue, JSON.stringify(data), {
          ...jobOptions,
          jobId: `nudge-${bullId(key)}`,
          delay: delayMs,
        }),
      )
    },
    async schedule(queue, key, everyMs, data) {
      const schedule = { queue, id: bullId(key), everyMs, data: JSON.stringify(data) }
      await createSchedule(schedule)
      schedules.keep(schedule)
    },
    async work(handlers: Partial<Handlers>) {
      const open = current()
      if (open.workers.length > 0) throw new Error('work() was called before')
      const { store, queues: opened, stopping } = open
      const { signal } = stopping
      const worked = queueNames.filter((name) => handlers[name] !== undefined)
      const held = new Map(
        worked.map((name) => [name, watchHeldJobs({ store, queue: opened[name], owner, log })]),
      )
      const lookAtAll = () =>
        look(signal, 'held jobs', () =>
          Promise.all([...held.values()].map((queue) => queue.look())),
        )
      // Before new jobs are taken, because these are older.
      await lookAtAll()
      open.workers = worked.map((name) =>
        openWorker(open, name, handlers[name] as Handler<typeof name>, held.get(name)!),
      )
      void repeatEvery(heldEveryMs, signal, lookAtAll)
    },
    announceApplied: (batchIds) => applied.announce(batchIds),
    watchApplied(batchId) {
      if (session) session.subscribed ??= subscribe(session)
      return applied.watch(batchId)
    },
    onApplied(listener) {
      if (session) session.subscribed ??= subscribe(session)
      applied.listen(listener)
    },
    async counts() {
      const open = current()
      const all = queueNames.map(
        async (name) => [name, await countJobs(open.queues[name])] as const,
      )
      return Object.fromEntries(await withTimeLimit(Promise.all(all), answerMs)) as Record<
        QueueName,
        QueueCounts
      >
    },
    async oldest() {
      const { store, queues } = current()
      // One after the other: on Postgres each takes a connection.
      const ask = async () => {
        const all: Partial<OldestJobs> = {}
        for (const lane of ingestLanes) all[lane] = await store.oldest(queues[lane])
        return all as OldestJobs
      }
      return withTimeLimit(ask(), answerMs)
    },
    async memory() {
      return withTimeLimit(current().store.memory(), pingMs)
    },
    losses: () => schedules.losses(),
    board: () => (session ? boardQueues(session.queues) : null),
    connections: () => session?.store.connections?.() ?? null,
    async ping() {
      await withTimeLimit(current().store.ping(), pingMs)
    },
  }
}

async function countJobs(queue: BullQueue): Promise<QueueCounts> {
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed')
  return {
    waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0),
    active: counts.active ?? 0,
    delayed: counts.delayed ?? 0,
    failed: counts.failed ?? 0,
  }
}

/**
 * The hash tag `{…}` keeps all keys of a queue on one node of a Redis Cluster. `-0` is a shard; there are no others
 * yet.
 */
function bullName(queue: QueueName): string {
  return `{${queue}-0}`
}

/** Makes a key into an id for BullMQ, which refuses colons. */
function bullId(key: string): string {
  return encodeURIComponent(key)
}

/** Every active job may add a listener, and Node takes more than ten for a leak. */
function withManyListeners(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal)
  return controller
}

function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(new Error('still running when the process had to stop'))
    signal.addEventListener('abort', abandon, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon))
  })
}
