import { z } from 'zod'
import { threadCount, threadList } from '../../../store/read/traces/threads.ts'
import type { App, Services } from '../../services.ts'
import { metaOf, offsetOf, page, strictDate, textList } from '../requests.ts'
import { sessionFromRow } from './session-from-row.ts'

/** Sessions that traces name, newest first (contracts/langfuse.md 2.13). */
export function getSessions(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object({
      ...page,
      fromTimestamp: strictDate.optional(),
      toTimestamp: strictDate.optional(),
      environment: textList.optional(),
    }),
    tags: ['langfuse sessions'],
    summary: 'List sessions',
  }
  app.get('/sessions', { schema }, async ({ principal: { tenantId }, query }) => {
    const asked = {
      from: query.fromTimestamp,
      to: query.toTimestamp,
      environments: query.environment,
    }
    const [rows, total] = await Promise.all([
      threadList(db, tenantId, asked, { limit: query.limit, offset: offsetOf(query) }),
      threadCount(db, tenantId, asked),
    ])
    return { data: rows.map((row) => sessionFromRow(tenantId, row)), meta: metaOf(query, total) }
  })
}
