import { runStats } from '../../../store/read/runs/run-stats.ts'
import { runListThreadEnds } from '../../../store/read/traces/threads.ts'
import type { App, Services } from '../../services.ts'
import { errorOf } from './run-from-row.ts'
import { readGroupQuery, runGroupBody } from './run-group-body.ts'
import { runStatsFromRow } from './run-stats-from-row.ts'

/** `POST /runs/group`: the threads of a session, the one with the latest run first (contracts/langsmith.md 2.6.3). */
export function postRunsGroup(app: App, { db }: Services): void {
  app.post(
    '/runs/group',
    {
      config: { scope: 'read' },
      schema: { tags: ['runs'], summary: 'List threads', body: runGroupBody },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { session_id: sessionId, offset, limit } = request.body
      const byThread = { by: { attribute: 'thread' }, only: null, order: 'latest' } as const
      const query = readGroupQuery(tenantId, request.body)
      const rows = await runStats(db, query, { ...byThread, limit, offset }, ['feedback'])
      const keys = rows.map((row) => row.groupKey ?? '')
      const ends = await runListThreadEnds(db, tenantId, sessionId, keys)
      const groups = rows.map((row, i) => {
        const end = ends.get(keys[i]!)
        const statistics = runStatsFromRow(row)
        return {
          group_key: row.groupKey,
          filter: `eq(thread_id, ${JSON.stringify(row.groupKey)})`,
          count: row.runCount,
          total_tokens: statistics['total_tokens'],
          prompt_tokens: statistics['prompt_tokens'],
          completion_tokens: statistics['completion_tokens'],
          total_cost: statistics['total_cost'],
          prompt_cost: statistics['prompt_cost'],
          completion_cost: statistics['completion_cost'],
          min_start_time: row.minStartTime,
          max_start_time: row.lastRunStartTime,
          latency_p50: row.latencyP50,
          latency_p99: row.latencyP99,
          feedback_stats: statistics['feedback_stats'],
          first_inputs: end?.firstInputs ?? null,
          last_outputs: end?.lastOutputs ?? null,
          last_error:
            end === undefined
              ? null
              : errorOf({ error: end.lastError, level: null, statusMessage: null }),
        }
      })
      return { groups, total: rows[0]?.groupCount ?? 0 }
    },
  )
}
