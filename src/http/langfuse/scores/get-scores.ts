import type { App, Services } from '../../services.ts'
import { listScores } from './list-scores.ts'
import { scoreQueryOf, scoreQuerystring } from './score-query.ts'

/** v1: scores on traces and observations alone, without corrections (contracts/langfuse.md 2.6). */
export function getScores(app: App, services: Services): void {
  const schema = {
    querystring: scoreQuerystring,
    tags: ['langfuse scores'],
    summary: 'List scores of traces (v1)',
  }
  app.get('/scores', { schema }, async ({ principal, query }) => {
    const asked = { ...scoreQueryOf(query), isTraceOnly: true }
    return listScores(services, principal.tenantId, asked, query, true)
  })
}
