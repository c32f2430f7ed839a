import { z } from 'zod'
import { runStats } from '../../../store/read/runs/run-stats.ts'
import type { App, Services } from '../../services.ts'
import { readRunFilter } from '../runs/run-query-body.ts'
import { listOf, text, uuid } from '../schemas.ts'
import { assertProject } from './thread-query.ts'
import {
  columnsOf,
  namesOf,
  selectStatistics,
  statisticsAnswer,
  threadStatistics,
} from './thread-stats.ts'

/** `GET /v2/threads/{thread_id}/stats`: statistics over the turns of a thread (contracts/langsmith.md 2.10.5). */
export function getV2ThreadsIdStats(app: App, { db }: Services): void {
  app.get(
    '/v2/threads/:thread_id/stats',
    {
      config: { errorShape: 'problem' },
      schema: {
        tags: ['threads'],
        summary: 'Count the turns of a thread',
        params: z.object({ thread_id: text }),
        querystring: z.object({
          session_id: uuid,
          selects: listOf(z.enum(namesOf(threadStatistics)), { min: 1 }),
          filter: z.string().optional().describe('Only turns whose root run matches are counted'),
        }),
        response: { 200: statisticsAnswer(threadStatistics) },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { session_id: projectId, selects, filter } = request.query
      const filters = readRunFilter('filter', filter)
      await assertProject(db, tenantId, projectId)
      const query = {
        tenantId,
        experimentIds: [projectId],
        threadIds: [request.params.thread_id],
        isRoot: true,
        filters,
      }
      const [row] = await runStats(db, query, null, columnsOf(selects))
      return selectStatistics(threadStatistics, selects, row!)
    },
  )
}
