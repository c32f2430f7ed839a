import { z } from 'zod'
import { feedbackConfigDelete } from '../../../store/write/feedback-configs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { feedbackKey } from './feedback-config.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Delete the config of a feedback key; its feedback stays',
  querystring: z.object({ feedback_key: feedbackKey }),
}

/** The key can be configured again (contracts/langsmith.md 2.7.5). */
export function deleteFeedbackConfigs(app: App, { db, clock }: Services): void {
  app.delete('/feedback-configs', { schema }, async (request, reply) => {
    const { principal, query } = request
    const isDeleted = await feedbackConfigDelete(
      db,
      principal.tenantId,
      query.feedback_key,
      clock.now(),
    )
    if (!isDeleted) throw notFound('Feedback config')
    return reply.code(204).send()
  })
}
