import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import {
  feedbackTokenListById,
  feedbackTokenListOfRun,
  type FeedbackToken,
} from '../../../store/read/feedback/feedback-tokens.ts'
import {
  feedbackTokenInsertMany,
  type NewFeedbackToken,
} from '../../../store/write/feedback-tokens.ts'
import type { App, Services } from '../../services.ts'
import { invalid, LangsmithError } from '../errors.ts'
import { page, time, uuid } from '../schemas.ts'
import {
  feedbackConfig,
  feedbackConfigText,
  feedbackKey,
  keepFeedbackConfigs,
} from './feedback-config.ts'
import {
  feedbackTokenAnswer,
  feedbackTokenFromRow,
  feedbackTokenHash,
  feedbackTokenMaker,
} from './feedback-token.ts'

const tokenCreate = z.object({
  run_id: uuid,
  feedback_key: feedbackKey,
  id: uuid.nullish().describe('The id of the link, which works as its token too'),
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

const tags = ['feedback']

const postSchema = {
  tags,
  summary: 'Make links that take feedback on a run without a key',
  body: z.union([tokenCreate, z.array(tokenCreate).min(1).max(1000)]),
  response: { 200: z.union([feedbackTokenAnswer, z.array(feedbackTokenAnswer)]) },
}

const getSchema = {
  tags,
  summary: 'List the links that take feedback on a run',
  querystring: z.object({ run_id: uuid, ...page }),
  response: { 200: z.array(feedbackTokenAnswer) },
}

/** Three hours, as the clients document it. */
const defaultLifetimeMs = 3 * 3_600_000

/** Links that take feedback on a run without a key (contracts/langsmith.md 2.7.1). `feedback-by-token.ts` takes it. */
export function tokensRoutes(app: App, services: Services): void {
  const { db, clock } = services
  const getMaker = feedbackTokenMaker(services)

  // The run need not be stored yet. Answers one link for an object, and for a list the links in its order.
  app.post('/feedback/tokens', { schema: postSchema }, async (request) => {
    const { tenantId } = request.principal
    const asked = [request.body].flat()
    const now = clock.now()
    const makeToken = await getMaker()
    const tokens = asked.map((one) => {
      const id = one.id ?? randomUUID()
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
    const links = await insertTokens(db, tenantId, tokens, now)
    const made = links.map((link) => feedbackTokenFromRow(services, request, makeToken, link))
    return Array.isArray(request.body) ? made : made[0]!
  })

  // Whoever sees a link can give feedback, so the list takes a key that may write.
  app.get(
    '/feedback/tokens',
    { schema: getSchema, config: { scope: 'write' } },
    async (request) => {
      const { principal, query } = request
      const rows = await feedbackTokenListOfRun(db, principal.tenantId, query.run_id, query)
      const makeToken = await getMaker()
      return rows.map((row) => feedbackTokenFromRow(services, request, makeToken, row))
    },
  )
}

/**
 * Makes the links. Those that are there already, from a request that was sent before, are answered as they are.
 * @throws LangsmithError 409 when an id is taken by a link to another run or key
 */
async function insertTokens(
  db: Db,
  tenantId: string,
  tokens: readonly NewFeedbackToken[],
  now: Timestamp,
): Promise<FeedbackToken[]> {
  const ids = tokens.map(({ id }) => id)
  const made = new Set(await feedbackTokenInsertMany(db, tenantId, tokens, now))
  if (made.size === tokens.length) return [...tokens]
  const stored = await feedbackTokenListById(db, tenantId, ids)
  const byId = new Map(stored.map((token) => [token.id, token]))
  return tokens.map((token) => {
    const found = byId.get(token.id) ?? token
    if (found.runId === token.runId && found.key === token.key) return found
    throw new LangsmithError(409, 'Feedback token with this id already exists')
  })
}

/** @throws LangsmithError 422 when the time is out of range */
function expiryOf({ expires_at: at, expires_in: span }: TokenCreate, now: Timestamp): Timestamp {
  if (at) return at
  const lifetimeMs = span
    ? ((span.days * 24 + span.hours) * 60 + span.minutes) * 60_000
    : defaultLifetimeMs
  const expiresAt = fromEpochMs(toEpochMs(now) + lifetimeMs)
  if (expiresAt === null) throw invalid(['body', 'expires_in'], 'Expiry out of range')
  return expiresAt
}
