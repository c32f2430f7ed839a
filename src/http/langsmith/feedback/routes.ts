import type { App, Services } from '../../services.ts'
import { configsRoutes } from './configs.ts'
import { feedbackByTokenRoutes } from './feedback-by-token.ts'
import { feedbackIdRoutes } from './feedback-id.ts'
import { getFeedback } from './get-feedback.ts'
import { postFeedback } from './post-feedback.ts'
import { tokensRoutes } from './tokens.ts'

/** Feedback, the configurations that check it, and tokens that let others give it. */
export function feedbackRoutes(app: App, services: Services): void {
  postFeedback(app, services)
  getFeedback(app, services)
  feedbackIdRoutes(app, services)
  configsRoutes(app, services)
  tokensRoutes(app, services)
  feedbackByTokenRoutes(app, services)
}
