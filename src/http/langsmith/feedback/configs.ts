import { z } from 'zod'
import {
  feedbackConfigFind,
  feedbackConfigList,
} from '../../../store/read/feedback/feedback-configs.ts'
import {
  feedbackConfigDelete,
  feedbackConfigInsertMany,
  feedbackConfigUpdate,
} from '../../../store/write/feedback-configs.ts'
import { emptyAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { flag, ignored, listOf, page, text } from '../schemas.ts'
import {
  feedbackConfig,
  feedbackConfigAnswer,
  feedbackConfigFromRow,
  feedbackConfigText,
  feedbackKey,
} from './feedback-config.ts'

const tags = ['feedback']

const postSchema = {
  tags,
  summary: 'Configure a feedback key',
  body: z.object({
    feedback_key: feedbackKey,
    feedback_config: feedbackConfig,
    is_lower_score_better: z.boolean().nullish(),
  }),
  response: { 200: feedbackConfigAnswer },
}

const getSchema = {
  tags,
  summary: 'List the configs of feedback keys',
  querystring: z.object({
    key: listOf(text, { max: 50 }).optional(),
    name_contains: text.optional(),
    sort_by_desc: flag.default(true),
    read_after_write: ignored(flag.optional(), 'every read sees every write'),
    ...page,
  }),
  response: { 200: z.array(feedbackConfigAnswer) },
}

const patchSchema = {
  tags,
  summary: 'Change the config of a feedback key; null leaves',
  body: z.object({
    feedback_key: feedbackKey,
    feedback_config: feedbackConfig.nullish(),
    is_lower_score_better: z.boolean().nullish(),
  }),
  response: { 200: feedbackConfigAnswer },
}

const deleteSchema = {
  tags,
  summary: 'Delete the config of a feedback key; its feedback stays',
  querystring: z.object({ feedback_key: feedbackKey }),
  response: { 204: emptyAnswer },
}

/** Configs of feedback keys (contracts/langsmith.md 2.7.5). */
export function configsRoutes(app: App, { db, clock }: Services): void {
  // Repeating a request answers the config that is there. 400 when the key has a different one.
  app.post('/feedback-configs', { schema: postSchema }, async (request) => {
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
      // Deleted between the two statements: the key is free, so try again.
      if (row === null) continue
      // A direction that the request leaves out contradicts none.
      const isLower = given.is_lower_score_better ?? row.isLowerScoreBetter
      const isSame = row.config === wanted.config && row.isLowerScoreBetter === isLower
      if (made === undefined && !isSame) {
        throw new LangsmithError(400, 'This feedback key already has a different config')
      }
      return feedbackConfigFromRow(tenantId, row)
    }
  })

  // A key without a config is left out, even when it is asked for by name.
  app.get('/feedback-configs', { schema: getSchema }, async (request) => {
    const { tenantId } = request.principal
    const { query } = request
    const rows = await feedbackConfigList(db, tenantId, {
      keys: query.key,
      keyContains: query.name_contains,
      isDescending: query.sort_by_desc,
      offset: query.offset,
      limit: query.limit,
    })
    return rows.map((row) => feedbackConfigFromRow(tenantId, row))
  })

  app.patch('/feedback-configs', { schema: patchSchema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const change = {
      key: given.feedback_key,
      config: given.feedback_config ? feedbackConfigText(given.feedback_config) : null,
      isLowerScoreBetter: given.is_lower_score_better ?? null,
    }
    const row = await feedbackConfigUpdate(db, tenantId, change, clock.now())
    if (row === null) throw notFound('Feedback config')
    return feedbackConfigFromRow(tenantId, row)
  })

  app.delete('/feedback-configs', { schema: deleteSchema }, async (request, reply) => {
    const { tenantId } = request.principal
    const key = request.query.feedback_key
    const isDeleted = await feedbackConfigDelete(db, tenantId, key, clock.now())
    if (!isDeleted) throw notFound('Feedback config')
    return reply.code(204).send()
  })
}
