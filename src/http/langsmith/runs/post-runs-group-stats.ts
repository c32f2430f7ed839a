import { runStats } from '../../../store/read/runs/run-stats.ts'
import type { App, Services } from '../../services.ts'
import { readGroupQuery, runGroupBody } from './run-group-body.ts'
import { runStatsFromRow } from './run-stats-from-row.ts'

/** `POST /runs/group/stats`: numbers over all threads of a session, and how many there are. */
export function postRunsGroupStats(app: App, { db }: Services): void {
  app.post(
    '/runs/group/stats',
    {
      config: { scope: 'read' },
      schema: { tags: ['runs'], summary: 'Count threads', body: runGroupBody },
    },
    async (request) => {
      const query = readGroupQuery(request.principal.tenantId, request.body)
      const [row] = await runStats(db, query, null, ['feedback', 'details'])
      return { ...runStatsFromRow(row!), group_count: row!.threadCount }
    },
  )
}
