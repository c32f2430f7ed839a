import type { App, Services } from '../../services.ts'
import { feedbackTokenMaker } from './feedback-token.ts'
import { deleteFeedbackConfigs } from './delete-feedback-configs.ts'
import { deleteFeedbackId } from './delete-feedback-id.ts'
import { getFeedbackConfigs } from './get-feedback-configs.ts'
import { getFeedbackId } from './get-feedback-id.ts'
import { getFeedbackTokensToken } from './get-feedback-tokens-token.ts'
import { getFeedbackTokens } from './get-feedback-tokens.ts'
import { getFeedback } from './get-feedback.ts'
import { patchFeedbackConfigs } from './patch-feedback-configs.ts'
import { patchFeedbackId } from './patch-feedback-id.ts'
import { postFeedbackConfigs } from './post-feedback-configs.ts'
import { postFeedbackTokensToken } from './post-feedback-tokens-token.ts'
import { postFeedbackTokens } from './post-feedback-tokens.ts'
import { postFeedback } from './post-feedback.ts'

/** Feedback, the configurations that check it, and tokens that let others give it. */
export function feedbackRoutes(app: App, services: Services): void {
  const getMaker = feedbackTokenMaker(services)
  postFeedback(app, services)
  getFeedback(app, services)
  postFeedbackConfigs(app, services)
  getFeedbackConfigs(app, services)
  patchFeedbackConfigs(app, services)
  deleteFeedbackConfigs(app, services)
  getFeedbackId(app, services)
  patchFeedbackId(app, services)
  deleteFeedbackId(app, services)
  postFeedbackTokens(app, services, getMaker)
  getFeedbackTokens(app, services, getMaker)
  postFeedbackTokensToken(app, services)
  getFeedbackTokensToken(app, services)
}
