import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { scoreFind } from '../../../store/read/feedback/scores.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { scoreFromRow } from './score-from-row.ts'

/** v1: a score on a trace or an observation; it does not know others, nor corrections. */
export function getScoresId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ scoreId: z.string() }),
    tags: ['langfuse scores'],
    summary: 'Get a score of a trace (v1)',
  }
  app.get('/scores/:scoreId', { schema }, async ({ principal: { tenantId }, params }) => {
    const row = await scoreFind(db, tenantId, resolveId('feedback', params.scoreId).id)
    if (row === null || row.traceId === null || row.dataType === 'CORRECTION') {
      throw notFound('Score not found')
    }
    return scoreFromRow(tenantId, row)
  })
}
