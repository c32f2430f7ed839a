import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { feedbackFind } from '../../../store/read/feedback/feedback.ts'
import { feedbackDelete } from '../../../store/write/feedback.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { readBack } from '../../answer-time.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { invalid, notFound } from '../errors.ts'
import { unvalidated } from '../payload-values.ts'
import { flag, ignored, uuid } from '../schemas.ts'
import { feedbackAnswer } from './feedback-answer.ts'
import { keepFeedbackConfigs, readFeedbackConfig } from './feedback-config.ts'
import { feedbackFromRow } from './feedback-from-row.ts'
import { readFeedbackRules } from './feedback-rules.ts'
import { feedbackUpdateInput, feedbackUpdateToEvent, rowOfEvent } from './feedback-to-event.ts'

const tags = ['feedback']
const params = z.object({ feedback_id: uuid })

const response = { 200: feedbackAnswer }

const getSchema = {
  tags,
  summary: 'Read feedback',
  params,
  querystring: z.object({
    include_user_names: ignored(flag.optional(), 'there are no users'),
  }),
  response,
}

const patchSchema = {
  tags,
  summary: 'Change feedback',
  params,
  body: feedbackUpdateInput,
  response,
}

const deleteSchema = {
  tags,
  summary: 'Delete feedback',
  params,
  response: { 200: messageAnswer },
}

/** One piece of feedback (contracts/langsmith.md 2.7.1). */
export function feedbackIdRoutes(app: App, services: Services): void {
  const { db, clock } = services

  app.get('/feedback/:feedback_id', { schema: getSchema }, async (request) => {
    const row = await feedbackFind(db, request.principal.tenantId, request.params.feedback_id)
    if (row === null) throw notFound('Feedback')
    return feedbackFromRow(row)
  })

  // Fields that are absent or null keep what is stored.
  app.patch(
    '/feedback/:feedback_id',
    { schema: patchSchema, config: { isIngest: true }, validatorCompiler: unvalidated },
    async (request) => {
      const id = params.safeParse(request.params).data?.feedback_id
      if (id === undefined) throw invalid(['path', 'feedback_id'], 'Input should be a valid UUID')
      const text = request.bodyText
      if (!text.trimStart().startsWith('{')) throw invalid(['body'], 'Input should be an object')
      const fields = sliceMembers(text)
      const event = feedbackUpdateToEvent(id, fields, text, clock.now())
      const { tenantId } = request.principal
      const before = await feedbackFind(db, tenantId, id)
      const configs = readFeedbackConfig(before?.key, fields, ['body'])
      if (before === null) throw notFound('Feedback')
      const rules = await readFeedbackRules(services, tenantId, [before.key])
      const problem = rules(before.key, event.patch)
      if (problem !== null) throw invalid(['body'], problem)
      await keepFeedbackConfigs(services, request.principal, configs)
      await acceptEvents(services, request, [event], { isInteractive: true })
      const row = await readBack(services, request, feedbackFind(db, tenantId, id), before)
      if (row === null) throw notFound('Feedback')
      // The row may not hold the change yet, so the answer lays the change over it.
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

  // A late write of a deleted id is dropped.
  app.delete('/feedback/:feedback_id', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    const isDeleted = await feedbackDelete(db, tenantId, request.params.feedback_id, clock.now())
    if (!isDeleted) throw notFound('Feedback')
    return { message: 'Feedback deleted' }
  })
}
