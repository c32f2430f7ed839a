import { z } from 'zod'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { runStats } from '../../../store/read/runs/run-stats.ts'
import { runListThreadEnds } from '../../../store/read/runs/project-threads.ts'
import { raw, timeAnswer, wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { time, uuid } from '../schemas.ts'
import { errorOf } from './run-from-row.ts'
import { readRunFilter } from './run-query-body.ts'
import { runStatsAnswer } from './run-stats-answer.ts'
import { runStatsFromRow } from './run-stats-from-row.ts'

/** RunGroupRequest. A group is what the vendor calls a conversation or a thread. */
const body = z.object({
  session_id: uuid,
  group_by: z.literal('conversation'),
  filter: z.string().nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  offset: z.int().min(0).max(1_000_000_000).default(0),
  limit: z.int().min(1).max(100).default(10),
})

const groupAnswer = z.object({
  group_key: z.string().nullable(),
  filter: z.string(),
  count: wholeAnswer,
  ...runStatsAnswer.pick({
    total_tokens: true,
    prompt_tokens: true,
    completion_tokens: true,
    total_cost: true,
    prompt_cost: true,
    completion_cost: true,
  }).shape,
  min_start_time: timeAnswer.nullable(),
  max_start_time: timeAnswer.nullable(),
  ...runStatsAnswer.pick({ latency_p50: true, latency_p99: true, feedback_stats: true }).shape,
  first_inputs: z.string().nullable(),
  last_outputs: z.string().nullable(),
  last_error: raw(z.string()).nullable(),
})

const groupsAnswer = z.object({ groups: z.array(groupAnswer), total: wholeAnswer })

const statsAnswer = runStatsAnswer.extend({ group_count: wholeAnswer })

const tags = ['runs']

/** Threads of a session (contracts/langsmith.md 2.6.3). */
export function postRunsGroup(app: App, { db }: Services): void {
  const config = { scope: 'read' as const }

  // The thread with the latest run comes first.
  const listSchema = { tags, summary: 'List threads', body, response: { 200: groupsAnswer } }
  app.post('/runs/group', { schema: listSchema, config }, async (request) => {
    const { tenantId } = request.principal
    const { session_id: sessionId, offset, limit } = request.body
    const byThread = { by: { attribute: 'thread' }, only: null, order: 'latest' } as const
    const query = readGroupQuery(tenantId, request.body)
    const rows = await runStats(db, query, { ...byThread, limit, offset }, ['feedback'])
    const keys = rows.map((row) => row.groupKey ?? '')
    const ends = await runListThreadEnds(db, { tenantId, experimentId: sessionId }, keys)
    const groups = rows.map((row, i) => {
      const end = ends.get(keys[i]!)
      const statistics = runStatsFromRow(row)
      return {
        group_key: row.groupKey,
        filter: `eq(thread_id, ${JSON.stringify(row.groupKey)})`,
        count: row.runCount,
        total_tokens: statistics.total_tokens,
        prompt_tokens: statistics.prompt_tokens,
        completion_tokens: statistics.completion_tokens,
        total_cost: statistics.total_cost,
        prompt_cost: statistics.prompt_cost,
        completion_cost: statistics.completion_cost,
        min_start_time: row.minStartTime,
        max_start_time: row.lastRunStartTime,
        latency_p50: row.latencyP50,
        latency_p99: row.latencyP99,
        feedback_stats: statistics.feedback_stats,
        first_inputs: end?.firstInputs ?? null,
        last_outputs: end?.lastOutputs ?? null,
        last_error:
          end === undefined
            ? null
            : errorOf({ error: end.lastError, level: null, statusMessage: null }),
      }
    })
    return { groups, total: rows[0]?.groupCount ?? 0 }
  })

  const statsSchema = { tags, summary: 'Count threads', body, response: { 200: statsAnswer } }
  app.post('/runs/group/stats', { schema: statsSchema, config }, async (request) => {
    const query = readGroupQuery(request.principal.tenantId, request.body)
    const [row] = await runStats(db, query, null, ['feedback', 'details'])
    return { ...runStatsFromRow(row!), group_count: row!.threadCount }
  })
}

/** The root runs of the session that belong to a thread. @throws LangsmithError 400 for a broken filter */
function readGroupQuery(tenantId: string, asked: z.output<typeof body>): RunQuery {
  return {
    tenantId,
    experimentIds: [asked.session_id],
    isRoot: true,
    hasThread: true,
    minStartTime: asked.start_time ?? undefined,
    maxStartTime: asked.end_time ?? undefined,
    filters: readRunFilter('filter', asked.filter),
  }
}
