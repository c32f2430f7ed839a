import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { scoreFind } from '../../../store/read/feedback/scores.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { scoreFromRow } from './score-from-row.ts'

/** A score of any kind, whether what it is about has arrived or not. */
export function getV2ScoresId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ scoreId: z.string() }),
    tags: ['langfuse scores'],
    summary: 'Get a score',
  }
  app.get('/v2/scores/:scoreId', { schema }, async ({ principal: { tenantId }, params }) => {
    const row = await scoreFind(db, tenantId, resolveId('feedback', params.scoreId).id)
    if (row === null) throw notFound('Score not found')
    return scoreFromRow(tenantId, row)
  })
}
