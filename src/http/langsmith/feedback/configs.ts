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
    is_enforced: z
      .boolean()
      .nullish()
      .describe('Feedback of the key that breaks the config is refused'),
  }),
  response: { 200: feedbackConfigAnswer },
}

const getSchema = {
  tags,
  summary: 'List the configs of feedback keys',
  querystring: z.object({
    key: listOf(text, { max: 50 }).optional(),
    name_contains: text.optional(),
    is_enforced: flag.optional(),
    include_all_configs: ignored(flag.optional(), 'a key has one config'),
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
  // A config that is there already is answered as it is. 400 when the key has a different one.
  app.post('/feedback-configs', { schema: postSchema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const wanted = {
      key: given.feedback_key,
      config: feedbackConfigText(given.feedback_config),
      isLowerScoreBetter: given.is_lower_score_better ?? false,
      isEnforced: given.is_enforced ?? false,
    }
    for (;;) {
      const [made] = await feedbackConfigInsertMany(db, tenantId, [wanted], clock.now())
      if (made !== undefined) return feedbackConfigFromRow(tenantId, made)
      const row = await feedbackConfigFind(db, tenantId, wanted.key)
      // Deleted between the two statements: the key is free, so try again.
      if (row === null) continue
      if (row.config !== wanted.config) throw taken(row.isEnforced && wanted.isEnforced)
      if (row.isEnforced || !wanted.isEnforced) return feedbackConfigFromRow(tenantId, row)
      const { key } = wanted
      const change = { key, config: null, isLowerScoreBetter: null, isEnforced: true }
      const enforced = await feedbackConfigUpdate(db, tenantId, change, clock.now())
      if (enforced !== null) return feedbackConfigFromRow(tenantId, enforced)
    }
  })

  // A key without a config is left out, even when it is asked for by name.
  app.get('/feedback-configs', { schema: getSchema }, async (request) => {
    const { tenantId } = request.principal
    const { query } = request
    const rows = await feedbackConfigList(db, tenantId, {
      keys: query.key,
      keyContains: query.name_contains,
      isEnforced: query.is_enforced,
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
      isEnforced: null,
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

function taken(isEnforced: boolean): LangsmithError {
  return isEnforced
    ? new LangsmithError(409, 'This feedback key already has an enforced config')
    : new LangsmithError(400, 'This feedback key already has a different config')
}
