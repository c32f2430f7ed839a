import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { feedbackFind } from '../../../store/read/feedback/feedback.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { invalid, notFound } from '../errors.ts'
import { keepFeedbackConfigs, readFeedbackConfig } from './feedback-config.ts'
import { feedbackFromRow } from './feedback-from-row.ts'
import { feedbackUpdateInput, feedbackUpdateToEvent, rowOfEvent } from './feedback-to-event.ts'
import { unvalidated } from '../payload-values.ts'
import { uuid } from '../schemas.ts'

const feedbackParams = z.object({ feedback_id: uuid })

/** `PATCH /feedback/{feedback_id}`: absent and null keep (contracts/langsmith.md 2.7.1). */
export function patchFeedbackId(app: App, services: Services): void {
  app.patch(
    '/feedback/:feedback_id',
    {
      schema: {
        tags: ['feedback'],
        summary: 'Change feedback',
        params: feedbackParams,
        body: feedbackUpdateInput,
      },
      validatorCompiler: unvalidated,
    },
    async (request) => {
      const id = feedbackParams.safeParse(request.params).data?.feedback_id
      if (id === undefined) throw invalid(['path', 'feedback_id'], 'Input should be a valid UUID')
      const text = request.bodyText
      if (!text.trimStart().startsWith('{')) throw invalid(['body'], 'Input should be an object')
      const fields = sliceMembers(text)
      const event = feedbackUpdateToEvent(id, fields, text, services.clock.now())
      const { tenantId } = request.principal
      const before = await feedbackFind(services.db, tenantId, id)
      const configs = readFeedbackConfig(before?.key, fields, ['body'])
      if (before === null) throw notFound('Feedback')
      await keepFeedbackConfigs(services, request.principal, configs)
      await acceptEvents(services, request, [event], { isInteractive: true })
      const row = await feedbackFind(services.db, tenantId, id)
      if (row === null) throw notFound('Feedback')
      // The change is in the row by now, or will be: it is the newest.
      const { score, value, comment, correction, updatedAt } = rowOfEvent(event)
      return feedbackFromRow({
        ...row,
        score: score ?? row.score,
        value: value ?? row.value,
        comment: comment ?? row.comment,
        correction: correction ?? row.correction,
        updatedAt,
      })
    },
  )
}
