import type { App, Services } from '../../services.ts'
import { takeFeedbackByToken, tokenParams, tokenQuery } from './feedback-by-token.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Give feedback by opening a link, without a key',
  params: tokenParams,
  querystring: tokenQuery,
}

export function getFeedbackTokensToken(app: App, services: Services): void {
  app.get(
    '/feedback/tokens/:token',
    // A HEAD is a program that looks at the link: nobody's feedback.
    { schema, config: { scope: 'none' }, exposeHeadRoute: false },
    async (request) => takeFeedbackByToken(services, request, request.params.token, request.query),
  )
}
