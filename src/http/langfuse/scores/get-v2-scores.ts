import type { App, Services } from '../../services.ts'
import { listScores } from './list-scores.ts'
import { scoreQueryOf, scoreQuerystring } from './score-query.ts'

/**
 * Scores of every kind, newest first. One whose trace has not arrived is listed, with null for its trace; Langfuse leaves
 * it out (contracts/langfuse.md 2.6).
 */
export function getV2Scores(app: App, services: Services): void {
  const schema = {
    querystring: scoreQuerystring,
    tags: ['langfuse scores'],
    summary: 'List scores',
  }
  app.get('/v2/scores', { schema }, async ({ principal, query }) => {
    const hasTraces = query.fields === undefined || query.fields.includes('trace')
    return listScores(services, principal.tenantId, scoreQueryOf(query), query, hasTraces)
  })
}
