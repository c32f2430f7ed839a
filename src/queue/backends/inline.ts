import { setMaxListeners } from 'node:events'
import { appliedSignals } from '../applied.ts'
import {
  JobPostponedError,
  QueueUnavailableError,
  type Handlers,
  type OldestJobs,
  type QueueBackend,
} from '../backend.ts'
import { ingestLanes, queueNames, queues, type QueueName } from '../catalog.ts'
import { describeError, type QueueLog, silentLog } from '../report.ts'

export interface InlineBackend extends QueueBackend {
  readonly kind: 'inline'
  /** Runs delayed nudges now. Resolves once no job waits, runs or is to be tried again. */
  drain(): Promise<void>
  /** Enqueues one job of every schedule, because here schedules never fire by themselves. */
  runScheduled(): Promise<void>
}

interface InlineJob {
  /** JSON, so that a handler gets what it would get through a server. */
  data: string
  key?: string
  priority?: number
  attempts: number
  /** Epoch milliseconds. */
  addedAt?: number
}

interface Lane {
  waiting: InlineJob[]
  active: Set<InlineJob>
  /** Jobs that wait for a timer. */
  delayed: Map<InlineJob, NodeJS.Timeout>
  keys: Set<string>
}

const stopGraceMs = 4_000
const retryMs = { first: 1, most: 100 }

/**
 * The queue without a server: the same handlers, in this process, in memory. Waiting jobs are lost with the process.
 */
export function inlineBackend({ log = silentLog }: { log?: QueueLog } = {}): InlineBackend {
  const lanes = Object.fromEntries(queueNames.map((name) => [name, newLane()])) as Record<
    QueueName,
    Lane
  >
  const schedules = new Map<string, { queue: QueueName; data: string }>()
  const applied = appliedSignals()
  const idle = new Set<() => void>()
  let started = false
  let draining = 0
  let handlers: Partial<Handlers> | undefined
  let abort = new AbortController()

  function assertStarted(): void {
    if (!started) throw new QueueUnavailableError('the queue is not started')
  }

  function add(queue: QueueName, job: InlineJob, delayMs = 0): void {
    const lane = lanes[queue]
    if (job.key !== undefined) lane.keys.add(job.key)
    if (delayMs > 0 && (draining === 0 || job.key === undefined)) {
      lane.delayed.set(
        job,
        setTimeout(() => promote(queue, job), delayMs),
      )
      return
    }
    const { priority = 0 } = job
    const behind = lane.waiting.findLastIndex((other) => (other.priority ?? 0) <= priority)
    lane.waiting.splice(behind + 1, 0, job)
    setImmediate(run, queue)
  }

  function promote(queue: QueueName, job: InlineJob): void {
    clearTimeout(lanes[queue].delayed.get(job))
    if (lanes[queue].delayed.delete(job)) add(queue, job)
  }

  function run(queue: QueueName): void {
    const lane = lanes[queue]
    // `never`, because which handler it is becomes known only at run time.
    const handler = handlers?.[queue]
    while (started && handler && lane.active.size < queues[queue].concurrency) {
      const job = lane.waiting.shift()
      if (!job) return
      lane.active.add(job)
      const { signal } = abort
      const places = queues[queue].concurrency
      void (async () => handler(JSON.parse(job.data) as never, { signal, places }))()
        .then(
          () => {
            if (job.key !== undefined) lane.keys.delete(job.key)
          },
          (error: unknown) => {
            if (!(error instanceof JobPostponedError)) {
              log.warn({ err: error, queue }, `queue: a job failed: ${describeError(error)}`)
            }
            job.attempts += 1
            add(queue, job, Math.min(retryMs.most, retryMs.first * 2 ** Math.min(job.attempts, 10)))
          },
        )
        .finally(() => {
          lane.active.delete(job)
          run(queue)
          if (isIdle()) for (const resolve of idle) resolve()
        })
    }
  }

  function isIdle(): boolean {
    return queueNames.every(
      (name) =>
        lanes[name].waiting.length === 0 &&
        lanes[name].active.size === 0 &&
        lanes[name].delayed.size === 0,
    )
  }

  function whenIdle(): Promise<void> {
    if (isIdle()) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        idle.delete(done)
        resolve()
      }
      idle.add(done)
    })
  }

  return {
    kind: 'inline',
    async start() {
      if (started) return
      started = true
      abort = new AbortController()
      // Every active job may add a listener.
      setMaxListeners(0, abort.signal)
    },
    async stop() {
      if (!started) return
      started = false
      handlers = undefined
      abort.abort()
      const deadline = Date.now() + stopGraceMs
      while (queueNames.some((name) => lanes[name].active.size > 0) && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      // Waiting jobs stay: the same backend, started again, goes on with them.
      for (const queue of queueNames) {
        for (const job of lanes[queue].delayed.keys()) promote(queue, job)
      }
    },
    async enqueue(queue, jobs, priority = 0) {
      assertStarted()
      const texts = jobs.map((job) => JSON.stringify(job))
      for (const [i, data] of texts.entries()) {
        add(queue, { data, priority, attempts: 0, addedAt: addedAtOf(jobs[i]!) })
      }
      return texts.reduce((sum, text) => sum + text.length, 0)
    },
    async nudge(queue, key, data, delayMs = 0) {
      assertStarted()
      if (lanes[queue].keys.has(key)) return
      add(queue, { data: JSON.stringify(data), key, attempts: 0 }, delayMs)
    },
    async schedule(queue, key, _everyMs, data) {
      assertStarted()
      schedules.set(`${queue} ${key}`, { queue, data: JSON.stringify(data) })
    },
    async work(newHandlers) {
      assertStarted()
      handlers = newHandlers
      for (const queue of queueNames) setImmediate(run, queue)
    },
    announceApplied: (batchIds) => applied.announce(batchIds),
    watchApplied: (batchId) => applied.watch(batchId),
    onApplied: (listener) => applied.listen(listener),
    async counts() {
      return Object.fromEntries(
        queueNames.map((name) => {
          const { waiting, active, delayed } = lanes[name]
          return [
            name,
            { waiting: waiting.length, active: active.size, delayed: delayed.size, failed: 0 },
          ]
        }),
      ) as Awaited<ReturnType<QueueBackend['counts']>>
    },
    async oldest() {
      return Object.fromEntries(
        ingestLanes.map((name) => {
          const { waiting, active, delayed } = lanes[name]
          return [
            name,
            {
              waiting: oldestOf(waiting),
              active: oldestOf(active),
              delayed: oldestOf(delayed.keys()),
            },
          ]
        }),
      ) as OldestJobs
    },
    memory: async () => null,
    losses: () => ({ emptied: 0, schedulesRepaired: 0, lastAt: null }),
    board: () => null,
    connections: () => null,
    async ping() {
      assertStarted()
    },
    async drain() {
      if (!handlers) throw new Error('drain() needs work() first')
      draining += 1
      for (const queue of queueNames) {
        for (const job of lanes[queue].delayed.keys()) promote(queue, job)
      }
      await whenIdle()
      draining -= 1
    },
    async runScheduled() {
      assertStarted()
      for (const { queue, data } of schedules.values()) add(queue, { data, attempts: 0 })
    },
  }
}

function newLane(): Lane {
  return { waiting: [], active: new Set(), delayed: new Map(), keys: new Set() }
}

/** A job of events says when it was accepted, by the clock that a test may have set. */
function addedAtOf(job: object): number {
  return 'receivedAt' in job ? Date.parse(String(job.receivedAt)) : Date.now()
}

function oldestOf(jobs: Iterable<InlineJob>): number | null {
  let oldest = Infinity
  for (const { addedAt = Infinity } of jobs) oldest = Math.min(oldest, addedAt)
  return Number.isFinite(oldest) ? oldest : null
}
