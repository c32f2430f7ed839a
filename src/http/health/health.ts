import { z } from 'zod'
import { toEpochMs } from '../../domain/timestamp.ts'
import type { Metrics, Sight } from '../../metrics/metrics.ts'
import type { QueueBackend, QueueMemory } from '../../queue/backend.ts'
import { ingestLanes } from '../../queue/catalog.ts'
import { createStallWatch } from '../../queue/stall.ts'
import { withTimeLimit } from '../../queue/time-limit.ts'
import { pingPool } from '../../store/heartbeat.ts'
import type { Replica } from '../../store/replica.ts'
import { deadLetterCountSome } from '../../store/read/dead-letters.ts'
import { answerOf, serverErrors } from '../documented-answers.ts'
import { collectPaths, refuseOtherMethods } from '../front-door/other-methods.ts'
import type { App, Services } from '../services.ts'

/** What the workers of this process do. */
export interface Progress {
  /** When they last finished something, in epoch milliseconds. */
  lastAt(): number
  /** For how long they have held jobs and finished none, in milliseconds. Left out: nobody measures it. */
  stillMs?(): number
  /** How many tenants are set apart, because others are applied and they are not. */
  tenantsApart(): number
}

export interface HealthServices extends Pick<Services, 'db' | 'queue' | 'clock'> {
  /** null when this process has no workers. */
  progress: Progress | null
  metrics: Metrics
  /** Where reads go when they may. Left out, or null: there is none. */
  replica?: Pick<Replica, 'problem'> | null
  /** Whether this process is told what others have applied. It can see without that, too, but later. */
  hearsApplied?: boolean
}

/** If work has waited for this long and nothing was finished, the workers are stuck, even if they look healthy. */
const stuckMs = 30_000

/** How long counting the dead letters may take. */
const countMs = 2000
/**
 * When they could not be counted, they are not for so long: while a node of a cluster hangs, each count keeps a connection
 * of the coordinator.
 */
const countPauseMs = 60_000
/** The queue has time limits of its own, which this one is above. */
const queueMs = 2500
/** How long whoever reads the metrics waits for fresh figures of the datastores. */
const freshMs = 500

/** Dead letters are counted up to this number. */
const mostDeadLetters = 1000

/** How long a loss is told of. */
const toldMs = 3_600_000

/** From here on the memory of Redis counts as full. New events are refused well before (process-backlog.ts). */
const fullShare = 0.95

export interface Readiness {
  ready: boolean
  /**
   * The reasons why it is not ready, in words; and, also of a process that is ready, what was lost within the last hour or is
   * away, and how many tenants are set apart.
   */
  problems: string[]
}

/** What this process reports about itself. It is served by the routes below and by the thread of thread.ts. */
export interface HealthState {
  readiness(): Promise<Readiness>
  metrics(): Promise<{ contentType: string; text: string }>
  /** What the look at the datastores showed that readiness is told from. */
  sight(): Promise<Sight>
  /** Makes readiness red for good: the process is about to end. */
  stopping(): void
}

declare module 'fastify' {
  interface FastifyInstance {
    healthState: HealthState
  }
}

/**
 * Collects what is reported: readiness with reasons, and metrics. Both come from the same look at the datastores, and
 * all who ask at the same time share it.
 */
export function createHealthState({
  db,
  queue,
  clock,
  progress,
  metrics,
  replica = null,
  hearsApplied = false,
}: HealthServices): HealthState {
  const stall = createStallWatch()
  const now = (): number => toEpochMs(clock.now())
  let heardAt = 0
  let countAgainAt = 0
  let isStopping = false
  if (hearsApplied) {
    queue.onApplied(() => {
      heardAt = now()
    })
  }

  async function lookAtQueue(): Promise<QueueSeen> {
    // Before the questions below take connections themselves.
    const queuePool = queue.connections()
    const [counts, oldest, memory] = await withTimeLimit(
      Promise.all([queue.counts(), queue.oldest(), queue.memory(), queue.ping()]),
      queueMs,
    )
    const lastAppliedAt = Math.max(heardAt, progress?.lastAt() ?? 0)
    return {
      counts,
      oldest,
      memory,
      queuePool,
      stalledMs: stall.look({ counts, oldest }, now(), lastAppliedAt),
    }
  }

  async function lookAtPostgres(): Promise<number | null> {
    await pingPool(db)
    if (now() < countAgainAt) return null
    return withTimeLimit(deadLetterCountSome(db, mostDeadLetters), countMs).catch(() => {
      countAgainAt = now() + countPauseMs
      return null
    })
  }

  async function look(): Promise<{ readiness: Readiness; sight: Sight }> {
    const [postgres, seen] = await Promise.allSettled([lookAtPostgres(), lookAtQueue()])
    const problems: string[] = []
    if (postgres.status === 'rejected') problems.push(`postgres: ${String(postgres.reason)}`)
    if (seen.status === 'rejected') problems.push(`queue: ${String(seen.reason)}`)
    const queueSeen = seen.status === 'fulfilled' ? seen.value : nothingSeen
    const { memory, counts, stalledMs } = queueSeen
    if (memory !== null && isFull(memory)) {
      const { usedBytes, maxBytes } = memory
      problems.push(`queue: its memory is full (${mebibytes(usedBytes)} of ${mebibytes(maxBytes)})`)
    }
    if (counts !== null && stalledMs !== null && stalledMs > stuckMs) {
      const jobs = ingestLanes.reduce(
        (sum, lane) => sum + counts[lane].waiting + counts[lane].active,
        0,
      )
      problems.push(
        `workers: nothing was finished for ${seconds(stalledMs)}, and ${jobs} jobs wait`,
      )
    }
    const stillMs = progress?.stillMs?.() ?? 0
    if (stillMs > stuckMs) {
      problems.push(
        `workers: this process has finished nothing of what it holds for ${seconds(stillMs)}`,
      )
    }
    const tenantsApart = progress?.tenantsApart() ?? null
    const sight: Sight = {
      ...queueSeen,
      tenantsApart,
      at: now(),
      deadLetters: postgres.status === 'fulfilled' ? postgres.value : null,
      isPostgresUp: postgres.status === 'fulfilled',
      isQueueUp: seen.status === 'fulfilled',
    }
    metrics.see(sight)
    const told = [
      ...lossesOf(queue, now()),
      ...apartOf(tenantsApart ?? 0),
      ...withoutReplica(replica),
    ]
    return { readiness: { ready: problems.length === 0, problems: [...problems, ...told] }, sight }
  }

  const seen = shared(look)
  const readiness = async () =>
    isStopping ? { ready: false, problems: ['stopping'] } : (await seen()).readiness
  return {
    readiness,
    stopping: () => {
      isStopping = true
    },
    sight: async () => (await seen()).sight,
    metrics: shared(async () => {
      // A datastore that hangs is waited for in vain: then its last figures are shown.
      await withTimeLimit(readiness(), freshMs).catch(() => {})
      return metrics.collect()
    }),
  }
}

type QueueSeen = Pick<Sight, 'counts' | 'oldest' | 'memory' | 'stalledMs' | 'queuePool'>

const nothingSeen: QueueSeen = {
  counts: null,
  oldest: null,
  memory: null,
  stalledMs: null,
  queuePool: null,
}

/** What was lost makes no process unready, because it goes on taking events, but whoever operates it has to hear of it. */
function lossesOf(queue: QueueBackend, now: number): string[] {
  const { emptied, lastAt } = queue.losses()
  if (emptied === 0 || lastAt === null || now - lastAt > toldMs) return []
  return [
    `queue: it was emptied or set back ${seconds(now - lastAt)} ago: events that were accepted before may be lost`,
  ]
}

/** Others are applied, so the process is ready. */
function apartOf(tenants: number): string[] {
  if (tenants === 0) return []
  return [
    `workers: tenants that are set apart, because others are applied and they are not: ${tenants}`,
  ]
}

/** The primary answers all reads then, so this makes no process unready either. */
function withoutReplica(replica: HealthServices['replica']): string[] {
  const problem = replica?.problem() ?? null
  return problem === null ? [] : [`replica: ${problem}, and reads go to the primary`]
}

function isFull({ usedBytes, maxBytes }: QueueMemory): boolean {
  return usedBytes >= maxBytes * fullShare
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** Makes all who ask while an answer is on its way get that answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null
  return async () => {
    asked ??= ask().finally(() => {
      asked = null
    })
    return asked
  }
}

const tags = ['health']

/** What Fastify answers by itself. */
const fault = z.object({ statusCode: z.int(), error: z.string(), message: z.string() })

/** There are too many connections. */
const unavailable = { 503: answerOf(503, fault) }

const livezSchema = {
  tags,
  summary: 'Tells that the process runs',
  response: { 200: z.object({ status: z.literal('ok') }), ...serverErrors, ...unavailable },
}

const readinessAnswer = z.object({ ready: z.boolean(), problems: z.array(z.string()) })

const readyzSchema = {
  tags,
  summary: 'Tells whether the process can serve, and why not',
  response: {
    200: readinessAnswer,
    ...serverErrors,
    503: answerOf(503, z.union([readinessAnswer, fault])),
  },
}

const metricsSchema = {
  tags,
  summary: 'Metrics for Prometheus',
  response: { 200: answerOf(200, { 'text/plain': z.string() }), ...serverErrors, ...unavailable },
}

/** Serves liveness, readiness with reasons, and metrics, for whoever operates the server. They need no key. */
export async function health(app: App, state: HealthState): Promise<void> {
  const paths = collectPaths(app)
  app.get('/livez', { schema: livezSchema }, async () => ({ status: 'ok' as const }))
  app.get('/readyz', { schema: readyzSchema }, async (_, reply) => {
    const readiness = await state.readiness()
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  app.get('/metrics', { schema: metricsSchema }, async (_, reply) => {
    const { contentType, text } = await state.metrics()
    return reply.type(contentType).send(text)
  })
  refuseOtherMethods(app, paths)
}
