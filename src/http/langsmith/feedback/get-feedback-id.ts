import { z } from 'zod'
import { feedbackFind } from '../../../store/read/feedback/feedback.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { feedbackFromRow } from './feedback-from-row.ts'
import { flag, ignored, uuid } from '../schemas.ts'

/** `GET /feedback/{feedback_id}` (contracts/langsmith.md 2.7.1). */
export function getFeedbackId(app: App, { db }: Services): void {
  app.get(
    '/feedback/:feedback_id',
    {
      schema: {
        tags: ['feedback'],
        summary: 'Read feedback',
        params: z.object({ feedback_id: uuid }),
        querystring: z.object({
          include_user_names: ignored(flag.optional(), 'there are no users'),
        }),
      },
    },
    async (request) => {
      const row = await feedbackFind(db, request.principal.tenantId, request.params.feedback_id)
      if (row === null) throw notFound('Feedback')
      return feedbackFromRow(row)
    },
  )
}
