import { z } from 'zod'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { readRunCursor, writeRunCursor } from './run-cursor.ts'
import { runSelection } from './run-select.ts'
import { uuid } from '../schemas.ts'
import { findSharedRun, publicRunFromRow } from './shared-run.ts'

const body = z.object({ id: z.array(uuid).max(10_000).nullish(), cursor: z.string().nullish() })

/** `POST /public/{share_token}/runs/query`: the shared run and its descendants, or those of them that are named. */
export function postPublicTokenRunsQuery(app: App, services: Services): void {
  app.post(
    '/public/:share_token/runs/query',
    {
      config: { scope: 'none' },
      schema: {
        tags: ['public'],
        summary: 'List a shared run and its descendants',
        params: z.object({ share_token: uuid }),
        body,
      },
    },
    async (request) => {
      const top = await findSharedRun(services, request, request.params.share_token)
      const { cursor } = request.body
      const page = await runList(
        services.db,
        {
          tenantId: top.tenantId,
          ids: request.body.id ?? undefined,
          ...(top.traceId === null || top.dottedOrder === null
            ? { ids: [top.id] }
            : { traceId: top.traceId, underDottedOrder: top.dottedOrder }),
        },
        { order: 'asc', after: cursor ? readRunCursor(top, 'asc', cursor) : null, limit: 100 },
        runSelection(null).parts,
      )
      const urls = attachmentUrls(services, request)
      return {
        runs: page.rows.map((row) => publicRunFromRow(row, urls)),
        cursors: {
          next: page.next === null ? null : writeRunCursor(top, 'asc', page.next),
          prev: null,
        },
        parsed_query: null,
      }
    },
  )
}
