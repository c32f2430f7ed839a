import { z } from 'zod'
import { feedbackTokenListOfRun } from '../../../store/read/feedback/feedback-tokens.ts'
import type { App, Services } from '../../services.ts'
import { feedbackTokenFromRow, type TokenMaker } from './feedback-token.ts'
import { page, uuid } from '../schemas.ts'

const schema = {
  tags: ['feedback'],
  summary: 'List the links that take feedback on a run',
  querystring: z.object({ run_id: uuid, ...page }),
}

/** Whoever may see the links may give feedback anyway: it takes a key that writes. */
export function getFeedbackTokens(
  app: App,
  services: Services,
  getMaker: () => Promise<TokenMaker>,
): void {
  app.get('/feedback/tokens', { schema, config: { scope: 'write' } }, async (request) => {
    const { principal, query } = request
    const rows = await feedbackTokenListOfRun(services.db, principal.tenantId, query.run_id, query)
    const makeToken = await getMaker()
    return rows.map((row) => feedbackTokenFromRow(services, request, makeToken, row))
  })
}
