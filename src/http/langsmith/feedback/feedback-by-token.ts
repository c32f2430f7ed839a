import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { feedbackTokenFindByHash } from '../../../store/read/feedback/feedback-tokens.ts'
import { acceptEvents } from '../../ingest.ts'
import type { Services } from '../../services.ts'
import { invalid, LangsmithError, notFound } from '../errors.ts'
import { feedbackToEvent } from './feedback-to-event.ts'
import { feedbackTokenHash } from './feedback-token.ts'
import { joinMembers, textOf } from '../object-text.ts'
import { jsonObjectText, text, uuid } from '../schemas.ts'

export const tokenParams = z.object({ token: uuid })

/** A number or a boolean, as JSON. */
const scoreText = z.string().transform((input, context): JsonText => {
  const word = input.trim().toLowerCase()
  if (word === 'true' || word === 'false') return word
  const score = word === '' ? Number.NaN : Number(word)
  if (Number.isFinite(score)) return String(score)
  context.addIssue({ code: 'custom', message: 'Input should be a number or a boolean' })
  return z.NEVER
})

/** What stands in the address: values that a body gives as JSON. */
export const tokenQuery = z.object({
  score: scoreText.optional(),
  value: text.optional(),
  comment: text.optional(),
  correction: text.optional(),
  metadata: jsonObjectText.optional(),
})

/**
 * Takes one more piece of feedback from whoever has the link; no key is asked for. The body wins over the address.
 * @throws LangsmithError 404 for an unknown token, 403 for one that has expired, 422 for wrong values
 */
export async function takeFeedbackByToken(
  services: Services,
  request: FastifyRequest,
  token: string,
  query: z.output<typeof tokenQuery>,
): Promise<{ message: string }> {
  const found = await feedbackTokenFindByHash(services.db, feedbackTokenHash(token))
  if (found === null) throw notFound('Feedback token')
  const now = services.clock.now()
  if (found.expiresAt <= now) throw new LangsmithError(403, 'Feedback token has expired')
  // The token is the key to this tenant, for this one run and feedback key.
  request.principal = { tenantId: found.tenantId, tenantName: '', scopes: ['scores'] }
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
  await acceptEvents(services, request, [event], { isInteractive: true })
  return { message: 'Feedback received' }
}
