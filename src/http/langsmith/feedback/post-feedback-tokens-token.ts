import { z } from 'zod'
import type { App, Services } from '../../services.ts'
import { takeFeedbackByToken, tokenParams, tokenQuery } from './feedback-by-token.ts'
import { jsonObject, union } from '../schemas.ts'

const schema = {
  tags: ['feedback'],
  summary: 'Give feedback by a link, without a key',
  params: tokenParams,
  querystring: tokenQuery,
  body: z
    .object({
      score: union([z.number(), z.boolean()], 'a number or a boolean').nullish(),
      value: z.union([z.number(), z.boolean(), z.string(), jsonObject]).nullish(),
      comment: z.string().nullish(),
      correction: z.union([jsonObject, z.string()]).nullish(),
      metadata: jsonObject.nullish(),
    })
    .nullish(),
}

export function postFeedbackTokensToken(app: App, services: Services): void {
  app.post('/feedback/tokens/:token', { schema, config: { scope: 'none' } }, async (request) =>
    takeFeedbackByToken(services, request, request.params.token, request.query),
  )
}
