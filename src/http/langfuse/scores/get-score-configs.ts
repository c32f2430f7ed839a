import { z } from 'zod'
import { scoreConfigCount, scoreConfigList } from '../../../store/read/feedback/score-configs.ts'
import type { App, Services } from '../../services.ts'
import { metaOf, offsetOf, page } from '../requests.ts'
import { scoreConfigFromRow } from './score-config.ts'

/** Newest first, archived ones included. */
export function getScoreConfigs(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object(page),
    tags: ['langfuse score configs'],
    summary: 'List score configs',
  }
  app.get('/score-configs', { schema }, async ({ principal: { tenantId }, query }) => {
    const [rows, total] = await Promise.all([
      scoreConfigList(db, tenantId, { limit: query.limit, offset: offsetOf(query) }),
      scoreConfigCount(db, tenantId),
    ])
    const data = rows.map((row) => scoreConfigFromRow(tenantId, row))
    return { data, meta: metaOf(query, total) }
  })
}
