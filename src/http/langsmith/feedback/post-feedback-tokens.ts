import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../../domain/timestamp.ts'
import { feedbackTokenInsertMany } from '../../../store/write/feedback-tokens.ts'
import type { App, Services } from '../../services.ts'
import { invalid } from '../errors.ts'
import {
  feedbackConfig,
  feedbackConfigText,
  feedbackKey,
  keepFeedbackConfigs,
} from './feedback-config.ts'
import { feedbackTokenFromRow, feedbackTokenHash, type TokenMaker } from './feedback-token.ts'
import { time, uuid } from '../schemas.ts'

const tokenCreate = z.object({
  run_id: uuid,
  feedback_key: feedbackKey,
  expires_in: z
    .object({
      days: z.int().default(0),
      hours: z.int().default(0),
      minutes: z.int().default(0),
    })
    .nullish(),
  expires_at: time.nullish(),
  feedback_config: feedbackConfig.nullish(),
})

type TokenCreate = z.output<typeof tokenCreate>

const schema = {
  tags: ['feedback'],
  summary: 'Make links that take feedback on a run without a key',
  body: z.union([tokenCreate, z.array(tokenCreate).min(1).max(1000)]),
}

/** Three hours, as the clients' documentation has it. */
const defaultLifetimeMs = 3 * 3_600_000

/** The run need not have arrived. One link for one request, a list for a list, in its order. */
export function postFeedbackTokens(
  app: App,
  services: Services,
  getMaker: () => Promise<TokenMaker>,
): void {
  app.post('/feedback/tokens', { schema }, async (request) => {
    const { db, clock } = services
    const { tenantId } = request.principal
    const asked = [request.body].flat()
    const now = clock.now()
    const makeToken = await getMaker()
    const tokens = asked.map((one) => {
      const id = randomUUID()
      return {
        id,
        hash: feedbackTokenHash(makeToken(tenantId, id)),
        runId: one.run_id,
        key: one.feedback_key,
        expiresAt: expiryOf(one, now),
      }
    })
    const configs = asked.flatMap(({ feedback_key: key, feedback_config: config }) =>
      config ? [{ key, config: feedbackConfigText(config) }] : [],
    )
    await keepFeedbackConfigs(services, request.principal, configs)
    await feedbackTokenInsertMany(db, tenantId, tokens, now)
    const made = tokens.map((token) => feedbackTokenFromRow(services, request, makeToken, token))
    return Array.isArray(request.body) ? made : made[0]
  })
}

/** @throws LangsmithError 422 when it is beyond what a time can be */
function expiryOf({ expires_at: at, expires_in: span }: TokenCreate, now: Timestamp): Timestamp {
  if (at) return at
  const lifetimeMs = span
    ? ((span.days * 24 + span.hours) * 60 + span.minutes) * 60_000
    : defaultLifetimeMs
  const expiresAt = fromEpochMs(toEpochMs(now) + lifetimeMs)
  if (expiresAt === null) throw invalid(['body', 'expires_in'], 'Expiry out of range')
  return expiresAt
}
