import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { feedbackTokenFind } from '../../../store/read/feedback/feedback-tokens.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { invalid, LangsmithError, notFound } from '../errors.ts'
import { joinMembers, textOf } from '../object-text.ts'
import { jsonObject, jsonObjectText, text, union, uuid } from '../schemas.ts'
import { feedbackToEvent } from './feedback-to-event.ts'
import { readFeedbackRules } from './feedback-rules.ts'
import { feedbackTokenHash } from './feedback-token.ts'

const tags = ['feedback']
const params = z.object({ token: uuid })

/** Query: a number or a boolean; becomes the JSON of it. */
const scoreText = z.string().transform((input, context): JsonText => {
  const word = input.trim().toLowerCase()
  if (word === 'true' || word === 'false') return word
  const score = word === '' ? Number.NaN : Number(word)
  if (Number.isFinite(score)) return String(score)
  context.addIssue({ code: 'custom', message: 'Input should be a number or a boolean' })
  return z.NEVER
})

/** Query: the fields of the body as texts. */
const querystring = z.object({
  score: scoreText.optional(),
  value: text.optional(),
  comment: text.optional(),
  correction: text.optional(),
  metadata: jsonObjectText.optional(),
})

const getSchema = {
  tags,
  summary: 'Give feedback by opening a link, without a key',
  params,
  querystring,
  response: { 200: messageAnswer },
}

const postSchema = {
  tags,
  summary: 'Give feedback by a link, without a key',
  params,
  querystring,
  body: z
    .object({
      score: union([z.number(), z.boolean()], 'a number or a boolean').nullish(),
      value: z.union([z.number(), z.boolean(), z.string(), jsonObject]).nullish(),
      comment: z.string().nullish(),
      correction: z.union([jsonObject, z.string()]).nullish(),
      metadata: jsonObject.nullish(),
    })
    .nullish(),
  response: { 200: messageAnswer },
}

/** Feedback through a link (contracts/langsmith.md 2.7.1). */
export function feedbackByTokenRoutes(app: App, services: Services): void {
  const config = { scope: 'none' as const, isIngest: true }

  // Programs that preview a link ask for HEAD: that must not count as feedback.
  const getOptions = { schema: getSchema, config, exposeHeadRoute: false }
  app.get('/feedback/tokens/:token', getOptions, async (request) =>
    takeFeedback(services, request, request.params.token, request.query),
  )

  app.post('/feedback/tokens/:token', { schema: postSchema, config }, async (request) =>
    takeFeedback(services, request, request.params.token, request.query),
  )
}

/**
 * Takes one piece of feedback; a repeat is another piece. Fields of the body win over those of the query.
 * @throws LangsmithError 404 for an unknown token, 403 for an expired one, 422 for wrong values
 */
async function takeFeedback(
  services: Services,
  request: FastifyRequest,
  token: string,
  query: z.output<typeof querystring>,
): Promise<{ message: string }> {
  const found = await feedbackTokenFind(services.db, token, feedbackTokenHash(token))
  if (found === null) throw notFound('Feedback token')
  const now = services.clock.now()
  if (found.expiresAt <= now) throw new LangsmithError(403, 'Feedback token has expired')
  // The token allows this tenant's feedback on one run under one key, and nothing else.
  request.principal = { tenantId: found.tenantId, tenantName: '', scopes: ['scores'] }
  services.admit(request)
  const given = sliceMembers(request.bodyText)
  const metadata = textOf(given.get('metadata')) ?? query.metadata ?? '{}'
  if (!metadata.startsWith('{')) throw invalid(['body', 'metadata'], 'Input should be an object')
  const fields = new Map<string, JsonText>([
    ['run_id', JSON.stringify(found.runId)],
    ['key', JSON.stringify(found.key)],
    [
      'feedback_source',
      joinMembers(
        new Map([
          ['type', '"api"'],
          ['metadata', metadata],
        ]),
      ),
    ],
  ])
  const { score } = query
  if (score !== undefined) fields.set('score', score)
  for (const name of ['value', 'comment', 'correction'] as const) {
    const value = query[name]
    if (value !== undefined) fields.set(name, JSON.stringify(value))
  }
  for (const name of ['score', 'value', 'comment', 'correction']) {
    const value = textOf(given.get(name))
    if (value !== null) fields.set(name, value)
  }
  const event = feedbackToEvent(fields, joinMembers(fields), now, ['body'])
  const rules = await readFeedbackRules(services, found.tenantId, [found.key])
  const problem = rules(found.key, event.patch)
  if (problem !== null) throw invalid(['body'], problem)
  await acceptEvents(services, request, [event], { isInteractive: true })
  return { message: 'Feedback received' }
}
