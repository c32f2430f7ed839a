import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { feedbackBury } from '../../../store/write/feedback.ts'
import type { App, Services } from '../../services.ts'

/** Deletes a score; what was sent of it before, known or on its way, never comes to be (contracts/langfuse.md 2.6). */
export function deleteScoresId(app: App, { db, clock }: Services): void {
  const schema = {
    params: z.object({ scoreId: z.string() }),
    tags: ['langfuse scores'],
    summary: 'Delete a score',
    response: { 202: z.object({ message: z.string() }) },
  }
  app.delete('/scores/:scoreId', { schema }, async ({ principal: { tenantId }, params }, reply) => {
    await feedbackBury(db, tenantId, resolveId('feedback', params.scoreId).id, clock.now())
    return reply.code(202).send({ message: 'Score deletion queued successfully' })
  })
}
