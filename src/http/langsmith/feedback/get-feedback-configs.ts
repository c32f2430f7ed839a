import { z } from 'zod'
import { feedbackConfigList } from '../../../store/read/feedback/feedback-configs.ts'
import type { App, Services } from '../../services.ts'
import { feedbackConfigFromRow } from './feedback-config.ts'
import { flag, ignored, listOf, page, text } from '../schemas.ts'

const schema = {
  tags: ['feedback'],
  summary: 'List the configs of feedback keys',
  querystring: z.object({
    key: listOf(text, { max: 50 }).optional(),
    name_contains: text.optional(),
    sort_by_desc: flag.default(true),
    read_after_write: ignored(flag.optional(), 'every read sees every write'),
    ...page,
  }),
}

/** A key that is asked for and has no config is left out. */
export function getFeedbackConfigs(app: App, { db }: Services): void {
  app.get('/feedback-configs', { schema }, async (request) => {
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
}
