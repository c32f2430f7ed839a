import { z } from 'zod'
import { feedbackConfigUpdate } from '../../../store/write/feedback-configs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import {
  feedbackConfig,
  feedbackConfigFromRow,
  feedbackConfigText,
  feedbackKey,
} from './feedback-config.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Change the config of a feedback key; null leaves',
  body: z.object({
    feedback_key: feedbackKey,
    feedback_config: feedbackConfig.nullish(),
    is_lower_score_better: z.boolean().nullish(),
  }),
}

export function patchFeedbackConfigs(app: App, { db, clock }: Services): void {
  app.patch('/feedback-configs', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const change = {
      key: given.feedback_key,
      config: given.feedback_config ? feedbackConfigText(given.feedback_config) : null,
      isLowerScoreBetter: given.is_lower_score_better ?? null,
    }
    const row = await feedbackConfigUpdate(db, tenantId, change, clock.now())
    if (row === null) throw notFound('Feedback config')
    return feedbackConfigFromRow(tenantId, row)
  })
}
