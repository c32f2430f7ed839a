import { z } from 'zod'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { runPageAnswer, selectedRunAnswer } from './run-answer.ts'
import { readRunCursor, runCursors } from './run-cursor.ts'
import { readRunQuery, runQueryFields } from './run-query-body.ts'
import { runSelection, runSelectNames } from './run-select.ts'
import { ignored } from '../schemas.ts'

const maxLimit = 100

const body = z.object({
  ...runQueryFields,
  cursor: z.string().nullish(),
  /** JavaScript's client sends whatever its user asks for. A page holds at most 100; its cursor leads to the rest. */
  limit: z.int().min(1).nullish(),
  select: z.array(z.enum(runSelectNames)).nullish(),
  order: z.enum(['asc', 'desc']).nullish(),
  skip_pagination: z.boolean().nullish(),
  skip_prev_cursor: ignored(z.boolean().nullish(), 'there is no cursor that leads back'),
})

/** `POST /runs/query`: lists the runs that match all conditions, newest first (contracts/langsmith.md 2.6.3). */
export function postRunsQuery(app: App, services: Services): void {
  app.post(
    '/runs/query',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        summary: 'List runs',
        body,
        response: { 200: runPageAnswer(selectedRunAnswer) },
      },
    },
    async (request) => {
      const { principal, body: asked } = request
      const query = readRunQuery(principal.tenantId, asked)
      const order = asked.order ?? 'desc'
      const after = asked.cursor ? readRunCursor(principal, order, asked.cursor) : null
      const limit = Math.min(asked.limit ?? maxLimit, maxLimit)
      const selection = runSelection(asked.select ?? null)
      const page = await runList(services.db, query, { order, after, limit }, selection.columns)
      const next = asked.skip_pagination === true ? null : page.next
      const urls = attachmentUrls(services, request)
      return {
        runs: page.rows.map((row) => selection.show(row, urls)),
        cursors: runCursors(principal, order, next),
        parsed_query: null,
      }
    },
  )
}
