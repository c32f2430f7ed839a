import type { App, HttpParts } from '../../parts.ts'
import { takeFeedbackByToken, tokenParams, tokenQuery } from './feedback-by-token.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Give feedback by opening a link, without a key',
  params: tokenParams,
  querystring: tokenQuery,
}

export function getFeedbackTokensToken(app: App, parts: HttpParts): void {
  app.get(
    '/feedback/tokens/:token',
    // A HEAD is a program that looks at the link: nobody's feedback.
    { schema, config: { scope: 'none' }, exposeHeadRoute: false },
    async (request) => takeFeedbackByToken(parts, request, request.params.token, request.query),
  )
}
