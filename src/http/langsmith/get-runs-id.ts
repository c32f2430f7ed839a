import { z } from 'zod'
import { runFind } from '../../store/read/runs.ts'
import type { App, HttpParts } from '../parts.ts'
import { attachmentUrls } from './attachments.ts'
import { notFound } from './errors.ts'
import { runFromRow } from './run-from-row.ts'
import { flag, uuid } from './schemas.ts'

/** `GET /runs/{run_id}` (contracts/langsmith.md 2.6.3). `session_id` and `start_time` are hints that we do not need. */
export function getRunsId(app: App, parts: HttpParts): void {
  app.get(
    '/runs/:run_id',
    {
      schema: {
        tags: ['runs'],
        summary: 'Read a run',
        params: z.object({ run_id: uuid }),
        querystring: z.object({ exclude_serialized: flag.default(false) }),
      },
    },
    async (request) => {
      const row = await runFind(parts.db, request.principal.tenantId, request.params.run_id)
      if (row === null) throw notFound('Run')
      const run = runFromRow(row, attachmentUrls(parts, request))
      return request.query.exclude_serialized ? { ...run, serialized: null } : run
    },
  )
}
