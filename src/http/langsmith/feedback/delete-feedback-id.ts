import { z } from 'zod'
import { feedbackDelete } from '../../../store/write/feedback.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

/** `DELETE /feedback/{feedback_id}`: for good; a late write of the same id is dropped (contracts/langsmith.md 2.7.1). */
export function deleteFeedbackId(app: App, { db, clock }: Services): void {
  app.delete(
    '/feedback/:feedback_id',
    {
      schema: {
        tags: ['feedback'],
        summary: 'Delete feedback',
        params: z.object({ feedback_id: uuid }),
      },
    },
    async (request) => {
      const { principal, params } = request
      const isDeleted = await feedbackDelete(
        db,
        principal.tenantId,
        params.feedback_id,
        clock.now(),
      )
      if (!isDeleted) throw notFound('Feedback')
      return { message: 'Feedback deleted' }
    },
  )
}
