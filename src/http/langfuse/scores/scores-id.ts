import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { scoreFind } from '../../../store/read/feedback/scores.ts'
import { feedbackBury } from '../../../store/write/feedback.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { messageAnswer } from '../requests.ts'
import { scoreAnswer, scoreFromRow } from './score-from-row.ts'

const params = z.object({ scoreId: z.string() })
const tags = ['langfuse scores']

const v1Schema = {
  params,
  response: { 200: scoreAnswer },
  tags,
  summary: 'Get a score of a trace (v1)',
}

const v2Schema = { params, response: { 200: scoreAnswer }, tags, summary: 'Get a score' }

const deleteSchema = {
  params,
  tags,
  summary: 'Delete a score',
  response: { 202: messageAnswer },
}

/** One score by its id (contracts/langfuse.md 2.6.2). */
export function scoresIdRoutes(app: App, { db, clock }: Services): void {
  // v1 has only scores of traces and observations, and no corrections.
  app.get('/scores/:scoreId', { schema: v1Schema }, async (request) => {
    const { tenantId } = request.principal
    const row = await scoreFind(db, tenantId, resolveId('feedback', request.params.scoreId).id)
    if (row === null || row.traceId === null || row.dataType === 'CORRECTION') {
      throw notFound('Score not found')
    }
    return scoreFromRow(tenantId, row)
  })

  // v2 has scores of every kind, whether what they are about has arrived or not.
  app.get('/v2/scores/:scoreId', { schema: v2Schema }, async (request) => {
    const { tenantId } = request.principal
    const row = await scoreFind(db, tenantId, resolveId('feedback', request.params.scoreId).id)
    if (row === null) throw notFound('Score not found')
    return scoreFromRow(tenantId, row)
  })

  // A score that is not known yet can be deleted too: events of it that arrive later are dropped.
  app.delete('/scores/:scoreId', { schema: deleteSchema }, async (request, reply) => {
    const { id } = resolveId('feedback', request.params.scoreId)
    await feedbackBury(db, request.principal.tenantId, id, clock.now())
    return reply.code(202).send({ message: 'Score deletion queued successfully' })
  })
}
