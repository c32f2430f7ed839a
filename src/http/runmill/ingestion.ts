import { z } from 'zod'
import { fromEpochMs } from '../../domain/timestamp.ts'
import { type Flow, flowStepMs } from '../../queue/flow.ts'
import type { ProcessBacklog } from '../../queue/process-backlog.ts'
import { ingestLanes } from '../../queue/catalog.ts'
import { deadLetterCountByReason } from '../../store/read/dead-letters.ts'
import { tenantListAmong } from '../../store/read/tenants.ts'
import { timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import { isAllowed } from '../auth.ts'
import type { HealthState } from '../health/health.ts'
import type { App, Services } from '../services.ts'
import { countedLetters, countedReason } from './dead-letters.ts'

/** What a process knows of its queue and of itself. */
export interface IngestionServices extends Services {
  backlog: ProcessBacklog
  flow: Flow
  health: HealthState
}

/** The tenants that are listed: those of which something was seen last. */
const listedTenants = 20

const age = z.number().nullable().describe('Age of the oldest in seconds; null where there is none')

const waiting = z
  .object({ requests: z.int(), events: z.int(), bytes: z.int(), oldest_seconds: age })
  .describe('What this process has enqueued and nobody has applied yet')

const flowAnswer = z.object({
  accepted: z.array(z.int()).describe('Events that were put into the queue, by step'),
  applied: z.array(z.int()).describe('Events that were committed, by step'),
  lag: z
    .object({ p50: z.number(), p95: z.number(), p99: z.number(), requests: z.int() })
    .nullable()
    .describe('Seconds from acceptance to commit, over the latest 500 requests of the steps'),
  refused: z.array(
    z.object({
      reason: z.string(),
      recent: z.int().describe('Requests of these steps'),
      total: z.int().describe('Requests since the process started'),
    }),
  ),
  last_applied_at: timeAnswer.nullable(),
})

const deadLetters = z.object({
  count: z.int().describe(`Counted up to ${countedLetters}`),
  reasons: z.array(countedReason),
})

const tenantAnswer = z.object({ id: uuidAnswer, name: z.string() })

const serverAnswer = z.object({
  queue_on: z.enum(['redis', 'postgres', 'inline']).describe('Where the jobs are'),
  lanes: z.array(
    z.object({
      lane: z.string(),
      waiting: z.int(),
      active: z.int(),
      delayed: z.int().describe('Jobs that wait for their next attempt'),
      oldest_seconds: age,
    }),
  ),
  jobs: z.array(
    z.object({ queue: z.string(), waiting: z.int(), active: z.int(), delayed: z.int() }),
  ),
  memory: z.object({ used_bytes: z.int(), max_bytes: z.int() }).nullable(),
  stalled_seconds: z.number().nullable(),
  is_postgres_up: z.boolean(),
  is_queue_up: z.boolean(),
  dead_letters: z.int().nullable().describe('Of all tenants, counted up to 1,000'),
  waiting,
  flow: flowAnswer,
  tenants: z.array(
    tenantAnswer.extend({
      waiting,
      accepted: z.int(),
      applied: z.int(),
      refused: z.int(),
      dead_letters: z.int(),
    }),
  ),
  has_more_tenants: z.boolean().describe('Others were seen too, before those that are listed'),
})

const schema = {
  tags: ['runmill'],
  summary: 'Tell how ingestion goes',
  description:
    'What waits, flows, and is refused as the process that answers has seen it since it started. A key with the scope `admin` also gets the whole queue and other tenants.',
  response: {
    200: z.object({
      at: timeAnswer,
      started_at: timeAnswer,
      step_seconds: z.int(),
      tenant: tenantAnswer,
      is_ready: z.boolean(),
      problems: z.array(z.string()),
      waiting,
      flow: flowAnswer,
      dead_letters: deadLetters,
      server: serverAnswer.nullable(),
    }),
  },
}

/** `GET /api/runmill/ingestion`. */
export function getIngestion(
  app: App,
  { db, queue, backlog, flow, health }: IngestionServices,
): void {
  const startedAt = Date.now()

  const waitingOf = (tenantId: string | null, now: number): z.output<typeof waiting> => {
    const { oldestAt, ...seen } = backlog.waiting(tenantId)
    return { ...whole(seen), oldest_seconds: secondsSince(oldestAt, now) }
  }

  const flowOf = (tenantId: string | null): z.output<typeof flowAnswer> => {
    const { lastAppliedAt, ...seen } = flow.of(tenantId)
    return { ...seen, last_applied_at: lastAppliedAt === null ? null : fromEpochMs(lastAppliedAt) }
  }

  async function server(now: number): Promise<z.output<typeof serverAnswer>> {
    const sight = await health.sight()
    const seen = flow.tenants()
    const ids = seen.slice(0, listedTenants)
    const names = await tenantListAmong(db, ids)
    const tenants: z.output<typeof serverAnswer>['tenants'] = []
    for (const id of ids) {
      const name = names.get(id)
      if (name === undefined) continue
      const { accepted, applied, refused } = flow.of(id)
      tenants.push({
        id,
        name,
        waiting: waitingOf(id, now),
        accepted: sum(accepted),
        applied: sum(applied),
        refused: sum(refused.map(({ recent }) => recent)),
        dead_letters: sum(
          (await deadLetterCountByReason(db, id, countedLetters)).map(({ count }) => count),
        ),
      })
    }
    const { counts, oldest, memory } = sight
    return {
      queue_on: queue.kind,
      lanes: ingestLanes.map((lane) => {
        const { waiting = 0, active = 0, delayed = 0 } = counts?.[lane] ?? {}
        const times = Object.values(oldest?.[lane] ?? {}).filter((at) => at !== null)
        const first = times.length === 0 ? null : Math.min(...times)
        return { lane, waiting, active, delayed, oldest_seconds: secondsSince(first, sight.at) }
      }),
      jobs: Object.entries(counts ?? {})
        .filter(([queue]) => !(ingestLanes as readonly string[]).includes(queue))
        .map(([queue, { waiting, active, delayed }]) => ({ queue, waiting, active, delayed })),
      memory: memory && { used_bytes: memory.usedBytes, max_bytes: memory.maxBytes },
      stalled_seconds: sight.stalledMs === null ? null : sight.stalledMs / 1000,
      is_postgres_up: sight.isPostgresUp,
      is_queue_up: sight.isQueueUp,
      dead_letters: sight.deadLetters,
      waiting: waitingOf(null, now),
      flow: flowOf(null),
      tenants,
      has_more_tenants: seen.length > listedTenants,
    }
  }

  app.get('/ingestion', { schema }, async ({ principal }) => {
    const { tenantId, tenantName } = principal
    const now = Date.now()
    const [{ ready, problems }, reasons, whole] = await Promise.all([
      health.readiness(),
      deadLetterCountByReason(db, tenantId, countedLetters),
      isAllowed(principal, 'admin') ? server(now) : null,
    ])
    return {
      at: fromEpochMs(now)!,
      started_at: fromEpochMs(startedAt)!,
      step_seconds: flowStepMs / 1000,
      tenant: { id: tenantId, name: tenantName },
      is_ready: ready,
      problems,
      waiting: waitingOf(tenantId, now),
      flow: flowOf(tenantId),
      dead_letters: { count: sum(reasons.map(({ count }) => count)), reasons },
      server: whole,
    }
  })
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

function secondsSince(at: number | null, now: number): number | null {
  return at === null ? null : Math.max(0, now - at) / 1000
}

/** Bytes are averages of the parts of a request. */
function whole<T extends { bytes: number }>(seen: T): T {
  return { ...seen, bytes: Math.round(seen.bytes) }
}
