import { Counter } from 'prom-client'
import type { OldestJobs, QueueCounts, QueueMemory, QueuePool } from '../queue/backend.ts'
import type { QueueName } from '../queue/catalog.ts'
import { defineMetrics } from './definitions.ts'

/*
 * What a process tells of itself at /metrics. Whoever is on the way of events asks for its part once, and gets counters
 * whose labels are chosen already: to count is an addition. A part that nobody asks for, such as that of the workers in
 * an API process, has no series.
 */

/** What comes in through one dialect. */
export interface DialectMetrics {
  /** Events that are in the queue now. */
  accepted(events: number): void
  /** Events that were refused while the rest of their request was taken. */
  eventsRefused(events: number): void
  /** A request of which nothing was taken. */
  requestRefused(reason: string): void
  /** A request waited so long for the queue. */
  enqueued(seconds: number): void
}

/** What the workers do in one lane. */
export interface LaneMetrics {
  /** A job was taken from the queue, or ended. */
  held(change: 1 | -1): void
  /** Events of a transaction that was committed. */
  applied(events: number): void
  deadLetter(reason: string): void
  /** A batch ended. @param lags the seconds since the API accepted each of its jobs */
  batch(events: number, seconds: number, lags: number[]): void
}

/** How a pool of connections is used. */
export interface PoolMetrics {
  /** A statement or a transaction needs a connection, or needs it no longer. */
  wanted(change: 1 | -1): void
  /** A read waits for its turn before it asks for a connection, or waits no longer. */
  inLine(change: 1 | -1): void
  waited(seconds: number): void
  took(seconds: number): void
}

/** What a look at the datastores has shown. null: it did not show that. */
export interface Sight {
  isPostgresUp: boolean
  isQueueUp: boolean
  counts: Readonly<Record<QueueName, QueueCounts>> | null
  oldest: OldestJobs | null
  memory: QueueMemory | null
  stalledMs: number | null
  /** The connections of the queue, where it is in Postgres. */
  queuePool: QueuePool | null
  deadLetters: number | null
  /** How many tenants the workers of this process have set apart. */
  tenantsApart: number | null
  /** When that was, in epoch milliseconds. */
  at: number
}

export interface Metrics {
  dialect(name: string): DialectMetrics
  lane(name: string): LaneMetrics
  pool(name: string, max: number): PoolMetrics
  /** @returns what is told of each read that a replica could answer, and where it was sent */
  replica(): (outcome: 'replica' | 'behind' | 'away') => void
  /** How often a supervisor has started this server again, by how it had ended. */
  restarted(timesByEnd: Readonly<Record<string, number>>): void
  /** Shows a count that is kept elsewhere: whatever has a function that returns its count so far is added here. */
  counter(name: `runmill_${string}_total`, help: string, read: () => number): void
  see(sight: Sight): void
  collect(): Promise<{ contentType: string; text: string }>
  /** All metrics. docs/operations.md says what they mean. */
  list(): { name: string; type: string; labels: string[] }[]
}

export function createMetrics(): Metrics {
  const all = defineMetrics()

  return {
    dialect(dialect) {
      const accepted = all.accepted.labels({ dialect })
      const refused = all.eventsRefused.labels({ dialect, reason: 'invalid' })
      accepted.inc(0)
      // Prometheus sees no increase in a series that begins with its first event. A single failure raises an alert.
      all.requestsRefused.inc({ dialect, reason: 'failure' }, 0)
      return {
        accepted: (events) => accepted.inc(events),
        eventsRefused: (events) => refused.inc(events),
        requestRefused: (reason) => all.requestsRefused.inc({ dialect, reason }),
        enqueued: (seconds) => all.enqueueSeconds.observe(seconds),
      }
    },

    lane(lane) {
      const held = all.heldJobs.labels({ lane })
      const applied = all.applied.labels({ lane })
      const lag = all.lagSeconds.labels({ lane })
      const batchEvents = all.batchEvents.labels({ lane })
      const batchSeconds = all.batchSeconds.labels({ lane })
      held.set(0)
      applied.inc(0)
      return {
        held: (change) => held.inc(change),
        applied: (events) => applied.inc(events),
        deadLetter: (reason) => all.deadLetters.inc({ reason }),
        batch(events, seconds, lags) {
          batchEvents.observe(events)
          batchSeconds.observe(seconds)
          for (const each of lags) lag.observe(each)
        },
      }
    },

    replica() {
      const reads = (['replica', 'behind', 'away'] as const).map(
        (outcome) => [outcome, all.replicaReads.labels({ outcome })] as const,
      )
      for (const [, counter] of reads) counter.inc(0)
      const byOutcome = new Map(reads)
      return (outcome) => byOutcome.get(outcome)?.inc()
    },

    pool(pool, max) {
      const wait = all.databaseWait.labels({ pool })
      const time = all.statementSeconds.labels({ pool })
      const used = all.poolUsed.labels({ pool })
      const waiting = all.poolWaiting.labels({ pool })
      all.poolMax.set({ pool }, max)
      let wanted = 0
      let inLine = 0
      const show = (): void => {
        const connected = Math.min(max, wanted - inLine)
        used.set(connected)
        waiting.set(wanted - connected)
      }
      show()
      return {
        wanted(change) {
          wanted += change
          show()
        },
        inLine(change) {
          inLine += change
          show()
        },
        waited: (seconds) => wait.observe(seconds),
        took: (seconds) => time.observe(seconds),
      }
    },

    restarted(timesByEnd) {
      all.restarts.reset()
      for (const [end, times] of Object.entries(timesByEnd)) all.restarts.inc({ end }, times)
    },

    counter(name, help, read) {
      const shown = new Counter({
        name,
        help,
        registers: [all.registry],
        collect: () => {
          shown.reset()
          shown.inc(read())
        },
      })
    },

    see(sight) {
      const { isPostgresUp, isQueueUp, counts, oldest, memory, stalledMs, at } = sight
      all.up.set({ datastore: 'postgres' }, Number(isPostgresUp))
      all.up.set({ datastore: 'queue' }, Number(isQueueUp))
      // What is not known now is not shown: the figures of an earlier look would pass for those of now.
      for (const gauge of [all.jobs, all.oldestAge, all.memory]) gauge.reset()
      all.stalledSeconds.remove()
      all.deadLettersKept.remove()
      for (const [queue, states] of Object.entries(counts ?? {})) {
        for (const [state, count] of Object.entries(states)) all.jobs.set({ queue, state }, count)
      }
      for (const [queue, states] of Object.entries(oldest ?? {})) {
        for (const [state, since] of Object.entries(states)) {
          all.oldestAge.set({ queue, state }, since === null ? 0 : Math.max(0, at - since) / 1000)
        }
      }
      if (memory !== null) {
        all.memory.set({ kind: 'used' }, memory.usedBytes)
        all.memory.set({ kind: 'max' }, memory.maxBytes)
      }
      if (stalledMs !== null) all.stalledSeconds.set(stalledMs / 1000)
      if (sight.tenantsApart === null) all.tenantsApart.remove()
      else all.tenantsApart.set(sight.tenantsApart)
      if (sight.deadLetters !== null) all.deadLettersKept.set(sight.deadLetters)
      if (sight.queuePool !== null) {
        all.poolMax.set({ pool: 'queue' }, sight.queuePool.max)
        all.poolUsed.set({ pool: 'queue' }, sight.queuePool.used)
        all.poolWaiting.set({ pool: 'queue' }, sight.queuePool.waiting)
      }
    },

    collect: async () => ({
      contentType: all.registry.contentType,
      text: await all.registry.metrics(),
    }),
    list: () =>
      (all.registry.getMetricsAsArray() as unknown as Listed[]).map(
        ({ name, type, labelNames }) => ({ name, type, labels: labelNames }),
      ),
  }
}

/** What prom-client keeps of a metric, which its types leave out. */
interface Listed {
  name: string
  type: string
  labelNames: string[]
}
