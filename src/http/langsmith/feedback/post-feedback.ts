import { sliceMembers } from '../../../domain/json.ts'
import { feedbackFind } from '../../../store/read/feedback/feedback.ts'
import { readBack } from '../../answer-time.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { invalid } from '../errors.ts'
import { feedbackAnswer } from './feedback-answer.ts'
import { keepFeedbackConfigs, readFeedbackConfig } from './feedback-config.ts'
import { feedbackFromRow } from './feedback-from-row.ts'
import { readFeedbackRules } from './feedback-rules.ts'
import { feedbackInput, feedbackToEvent, rowOfEvent } from './feedback-to-event.ts'
import { unvalidated } from '../payload-values.ts'

/**
 * `POST /feedback`, and `/feedback/eager`, which clients use when they know that the run is stored. A repeat of a
 * request with an id gets the same answer (contracts/langsmith.md 1.4, 2.7).
 */
export function postFeedback(app: App, services: Services): void {
  for (const path of ['/feedback', '/feedback/eager']) {
    app.post(
      path,
      {
        schema: {
          tags: ['feedback'],
          summary: 'Give feedback',
          body: feedbackInput,
          response: { 200: feedbackAnswer },
        },
        config: { scope: 'scores', isIngest: true },
        validatorCompiler: unvalidated,
      },
      async (request) => {
        const text = request.bodyText
        if (!text.trimStart().startsWith('{')) throw invalid(['body'], 'Input should be an object')
        const fields = sliceMembers(text)
        const event = feedbackToEvent(fields, text, services.clock.now(), ['body'])
        const configs = readFeedbackConfig(event.patch.key, fields, ['body'])
        const { tenantId } = request.principal
        const rules = await readFeedbackRules(services, tenantId, [event.patch.key])
        const problem = rules(event.patch.key, event.patch)
        if (problem !== null) throw invalid(['body'], problem)
        await keepFeedbackConfigs(services, request.principal, configs)
        await acceptEvents(services, request, [event], { isInteractive: true })
        const stored = feedbackFind(services.db, tenantId, event.id)
        const row = await readBack(services, request, stored, null)
        return feedbackFromRow(row ?? rowOfEvent(event))
      },
    )
  }
}
