import { setMaxListeners } from 'node:events'
import type { JobsOptions } from 'bullmq'
import { packJob } from '../payload.ts'
import { appliedSignals } from '../applied.ts'
import {
  type Handler,
  type Handlers,
  type OldestJobs,
  type QueueBackend,
  type QueueCounts,
  QueueUnavailableError,
} from '../backend.ts'
import { type IngestJob, ingestLanes, queueNames, type QueueName } from '../catalog.ts'
import { describeError, errorReporter, type QueueLog } from '../report.ts'
import { repeatEvery } from '../repeat.ts'
import { withTimeLimit } from '../time-limit.ts'
import { boardQueues } from './board.ts'
import { openWorker } from './bullmq-worker.ts'
import type {
  BullQueue,
  BullWorker,
  Connect,
  Datastore,
  JobOwner,
  SharedQueueOptions,
} from './datastore.ts'
import { type HeldJobs, watchHeldJobs } from './held-jobs.ts'
import { keepSchedules, type Schedule } from './kept-schedules.ts'
import {
  bullName,
  countJobs,
  createShards,
  isEmpty,
  isLane,
  oldestOf,
  type Shards,
  shardOf,
} from './shards.ts'

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
const shardsEveryMs = 2_000

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

interface Session {
  store: Datastore
  queues: Shards
  workers: BullWorker[]
  handlers?: Partial<Handlers>
  /** Of the queues that have a worker here. */
  held: Map<BullQueue, HeldJobs>
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
  {
    owner,
    pace = usualPace,
    shards = 1,
  }: { owner?: JobOwner | undefined; pace?: Pace; shards?: number } = {},
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
    queueOf: (name) => current().queues.all[name][0]!,
    create: createSchedule,
    hasLostMark: async () => current().store.hasLostMark(),
    log,
  })

  async function createSchedule({ queue, id, everyMs, data }: Schedule): Promise<void> {
    const template = { name: queue, data, opts: jobOptions }
    await produce((open) =>
      open.store.alone(() =>
        open.queues.all[queue][0]!.upsertJobScheduler(id, { every: everyMs }, template),
      ),
    )
  }

  /** Looks within a time limit. Failures are told, unless the process stops: the next look tries again. */
  async function look(signal: AbortSignal, where: string, what: () => Promise<unknown>) {
    await withTimeLimit(what(), lookMs).catch((error: unknown) => {
      if (!signal.aborted) report(error, where)
    })
  }

  function unavailable(error: unknown): QueueUnavailableError {
    return new QueueUnavailableError(`${kind}: ${describeError(error)}`, { cause: error })
  }

  async function open(): Promise<Session> {
    let store: Datastore
    try {
      store = await connect(report)
    } catch (error) {
      throw unavailable(error)
    }
    const stopping = withManyListeners(new AbortController())
    const { signal } = stopping
    const opened: Session = {
      store,
      queues: createShards((name, shard) => {
        const queue = store.openQueue(bullName(name, shard), queueOptions)
        queue.on('error', (error) => report(error, `queue ${name}`))
        return queue
      }),
      workers: [],
      held: new Map(),
      stopping,
      abandon: withManyListeners(new AbortController()),
    }
    try {
      await followShards(opened)
    } catch (error) {
      await store.close()
      throw unavailable(error)
    }
    void repeatEvery(schedulesEveryMs, signal, () => look(signal, 'schedules', schedules.look))
    void repeatEvery(shardsEveryMs, signal, () =>
      look(signal, 'shards', () => followShards(opened)),
    )
    return opened
  }

  async function followShards(open: Session): Promise<void> {
    await open.queues.follow((await open.store.shards?.(shards)) ?? { inUse: 1, ever: 1 })
    if (open.handlers) await openWorkers(open, open.handlers)
  }

  /** Starts the workers that are missing: beyond the number of shards, of those that still hold jobs. */
  async function openWorkers(open: Session, handlers: Partial<Handlers>): Promise<void> {
    const { store, queues, held, stopping, abandon } = open
    const missing: { name: QueueName; shard: number; queue: BullQueue }[] = []
    for (const name of queueNames) {
      if (handlers[name] === undefined) continue
      for (const [shard, queue] of queues.all[name].entries()) {
        if (held.has(queue) || queues.isUnused(queue)) continue
        if (shard >= shards && (await isEmpty(queue))) continue
        missing.push({ name, shard, queue })
        held.set(queue, watchHeldJobs({ store, queue, owner, log }))
      }
    }
    if (missing.length === 0) return
    // Before new jobs are taken, because these are older.
    await lookAtHeld(open)
    if (stopping.signal.aborted) return
    for (const { name, shard, queue } of missing) {
      open.workers.push(
        openWorker({
          store,
          name,
          shard,
          shards,
          handler: handlers[name] as Handler<typeof name>,
          held: held.get(queue)!,
          stopping: stopping.signal,
          abandon: abandon.signal,
          missPayload: schedules.missPayload,
          log,
          report,
        }),
      )
    }
  }

  async function lookAtHeld({ stopping, held }: Session): Promise<void> {
    await look(stopping.signal, 'held jobs', () =>
      Promise.all([...held.values()].map((queue) => queue.look())),
    )
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
      throw unavailable(error)
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

  async function close(open: Session): Promise<void> {
    open.stopping.abort()
    const grace = setTimeout(() => open.abandon.abort(), stopGraceMs)
    const workersClosed = Promise.allSettled(open.workers.map((worker) => worker.close()))
    await withTimeLimit(workersClosed, stopLimitMs).catch((error: unknown) =>
      report(error, 'stopping workers'),
    )
    clearTimeout(grace)
    await withTimeLimit(
      Promise.allSettled(
        Object.values(open.queues.all)
          .flat()
          .map((queue) => queue.close()),
      ),
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
    async enqueue(queue, given, priority = 0, isPlain = false) {
      const { length } = given
      if (length === 0) return 0
      let jobs = given
      return produce(
        async (open) => {
          // The first watch may still be subscribing. Waits for it, so that its announcement is not missed.
          if (open.subscribed) await withTimeLimit(open.subscribed, subscribeMs).catch(() => {})
          const isCompressed = !isPlain || !open.store.takesPlain
          const options = priority === 0 ? jobOptions : { ...jobOptions, priority }
          const shard = isLane(queue) ? shardOf((jobs[0] as IngestJob).tenantId, shards) : 0
          const packing = jobs.map((job) => packJob(job, isCompressed))
          // Nothing here holds them while they are stored.
          jobs = []
          const payloads = await Promise.all(packing)
          await open.store.addAll(open.queues.all[queue][shard]!, queue, payloads, options)
          return payloads.reduce((sum, payload) => sum + payload.length, 0)
        },
        answerMs + answerMsPerFurtherJob * (length - 1),
      )
    },
    async nudge(queue, key, data, delayMs = 0) {
      await produce((open) =>
        open.queues.all[queue][0]!.add(queue, JSON.stringify(data), {
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
      if (open.handlers) throw new Error('work() was called before')
      open.handlers = handlers
      await openWorkers(open, handlers)
      void repeatEvery(heldEveryMs, open.stopping.signal, () => lookAtHeld(open))
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
        async (name) => [name, await countJobs(open.queues.used(name))] as const,
      )
      return Object.fromEntries(await withTimeLimit(Promise.all(all), answerMs)) as Record<
        QueueName,
        QueueCounts
      >
    },
    async oldest() {
      const { store, queues } = current()
      // One lane after the other: on Postgres each takes a connection.
      const ask = async () => {
        const all: Partial<OldestJobs> = {}
        for (const lane of ingestLanes) {
          all[lane] = oldestOf(
            await Promise.all(queues.used(lane).map((queue) => store.oldest(queue))),
          )
        }
        return all as OldestJobs
      }
      return withTimeLimit(ask(), answerMs)
    },
    async memory() {
      return withTimeLimit(current().store.memory(), pingMs)
    },
    losses: () => schedules.losses(),
    board: () => (session ? boardQueues(session.queues.all) : null),
    connections: () => session?.store.connections?.() ?? null,
    async ping() {
      await withTimeLimit(current().store.ping(), pingMs)
    },
  }
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
