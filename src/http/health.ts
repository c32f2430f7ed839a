import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { z } from 'zod'
import { toEpochMs } from '../domain/timestamp.ts'
import { ingestLanes } from '../queue/catalog.ts'
import { pingPool } from '../store/ping.ts'
import { answerOf, serverErrors } from './documented-answers.ts'
import { collectPaths, refuseOtherMethods } from './other-methods.ts'
import type { App, Services } from './services.ts'

/** When the workers of this process last finished something, in epoch milliseconds. */
export interface Progress {
  lastAt(): number
}

export interface HealthServices extends Pick<Services, 'db' | 'queue' | 'clock'> {
  /** null when this process has no workers. */
  progress: Progress | null
  /** How many errors that nobody held this process has survived. Left out: nobody counts. */
  unheldErrors?: (() => number) | undefined
}

/** If work has waited for this long and nothing was finished, the workers are stuck, even if they look healthy. */
const stuckMs = 60_000

/** Postgres is taken for absent when it is silent for so long. */
const pingMs = 2000

export interface Readiness {
  ready: boolean
  /** The reasons why it is not ready, in words. */
  problems: string[]
}

/** What this process reports about itself. It is served by the routes below and by the thread of health-thread.ts. */
export interface HealthState {
  readiness(): Promise<Readiness>
  metrics(): Promise<{ contentType: string; text: string }>
}

declare module 'fastify' {
  interface FastifyInstance {
    healthState: HealthState
  }
}

/** Collects what is reported: readiness with reasons, and metrics. */
export function createHealthState({
  db,
  queue,
  clock,
  progress,
  unheldErrors = () => 0,
}: HealthServices): HealthState {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const jobs = new Gauge({
    name: 'runmill_queue_jobs',
    help: 'Jobs in each queue, by state.',
    labelNames: ['queue', 'state'] as const,
    registers: [registry],
    // The queue is asked each time the metrics are read.
    collect: async () => {
      for (const [name, states] of Object.entries(await queue.counts())) {
        for (const [state, count] of Object.entries(states)) {
          jobs.set({ queue: name, state }, count)
        }
      }
    },
  })

  const unheld = new Counter({
    name: 'runmill_unheld_errors_total',
    help: 'Errors of connections that nobody held, and that the process survived.',
    registers: [registry],
    collect: () => {
      unheld.reset()
      unheld.inc(unheldErrors())
    },
  })

  async function readiness(): Promise<Readiness> {
    const checks: [string, () => Promise<unknown>][] = [
      ['postgres', async () => pingPool(db, pingMs)],
      ['queue', async () => queue.ping()],
      ['workers', async () => checkProgress()],
    ]
    const problems: string[] = []
    for (const [name, check] of checks) {
      await check().catch((error: unknown) => problems.push(`${name}: ${String(error)}`))
    }
    return { ready: problems.length === 0, problems }
  }

  let waitingSince: number | null = null

  /**
   * @throws when work has been waiting for a minute, as far as the probes could see, and nothing was finished meanwhile
   */
  async function checkProgress(): Promise<void> {
    if (progress === null) return
    const counts = await queue.counts()
    const waiting = ingestLanes.reduce(
      (sum, lane) => sum + counts[lane].waiting + counts[lane].active,
      0,
    )
    const now = toEpochMs(clock.now())
    if (waiting === 0) waitingSince = null
    else waitingSince ??= now
    const since = Math.max(waitingSince ?? now, progress.lastAt())
    if (now - since > stuckMs) {
      throw new Error(
        `nothing finished for ${Math.round((now - since) / 1000)} s, ${waiting} jobs wait`,
      )
    }
  }

  return {
    readiness,
    metrics: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
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
