import { z } from 'zod'
import { runStats } from '../../../store/read/runs/run-stats.ts'
import type { App, Services } from '../../services.ts'
import { refuseFields } from '../v2.ts'
import { assertProject, readThreadQuery, threadQueryFields } from './thread-query.ts'
import {
  columnsOf,
  namesOf,
  selectStatistics,
  statisticsAnswer,
  threadsStatistics,
} from './thread-stats.ts'

const body = z.object({
  ...threadQueryFields,
  select: z.array(z.enum(namesOf(threadsStatistics))).min(1),
  stride: z.record(z.string(), z.unknown()).nullish(),
})

/** `POST /v2/threads/stats`: statistics over the turns of all threads of a project (contracts/langsmith.md 2.10.5). */
export function postV2ThreadsStats(app: App, services: Services): void {
  const { db } = services
  app.post(
    '/v2/threads/stats',
    {
      config: { scope: 'read', errorShape: 'problem' },
      schema: {
        tags: ['threads'],
        summary: 'Count threads and their turns',
        body,
        response: { 200: statisticsAnswer(threadsStatistics) },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const asked = request.body
      refuseFields(asked, 'stride')
      const { experimentId, ...query } = readThreadQuery(tenantId, asked, services)
      await assertProject(db, tenantId, experimentId)
      const turns = { ...query, experimentIds: [experimentId], isRoot: true }
      const [row] = await runStats(db, { ...turns, hasThread: true }, null, columnsOf(asked.select))
      return selectStatistics(threadsStatistics, asked.select, row!)
    },
  )
}
