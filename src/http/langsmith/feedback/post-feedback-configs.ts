import { z } from 'zod'
import {
  feedbackConfigFind,
  type FeedbackConfigRow,
} from '../../../store/read/feedback/feedback-configs.ts'
import { feedbackConfigInsertMany } from '../../../store/write/feedback-configs.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError } from '../errors.ts'
import {
  feedbackConfig,
  feedbackConfigFromRow,
  feedbackConfigText,
  feedbackKey,
} from './feedback-config.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Configure a feedback key',
  body: z.object({
    feedback_key: feedbackKey,
    feedback_config: feedbackConfig,
    is_lower_score_better: z.boolean().nullish(),
  }),
}

/** The same config again answers the one that is there. @throws 400 when the key is configured otherwise (2.7.5) */
export function postFeedbackConfigs(app: App, { db, clock }: Services): void {
  app.post('/feedback-configs', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const wanted = {
      key: given.feedback_key,
      config: feedbackConfigText(given.feedback_config),
      isLowerScoreBetter: given.is_lower_score_better ?? false,
    }
    for (;;) {
      const [made] = await feedbackConfigInsertMany(db, tenantId, [wanted], clock.now())
      const row = made ?? (await feedbackConfigFind(db, tenantId, wanted.key))
      // Deleted between the two statements: the key is free.
      if (row === null) continue
      if (made === undefined && !isSame(row)) {
        throw new LangsmithError(400, 'This feedback key already has a different config')
      }
      return feedbackConfigFromRow(tenantId, row)
    }

    function isSame(row: FeedbackConfigRow): boolean {
      // What is left out is not contradicted.
      const isLower = given.is_lower_score_better ?? row.isLowerScoreBetter
      return row.config === wanted.config && row.isLowerScoreBetter === isLower
    }
  })
}
