import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { runAnswer } from './run-answer.ts'
import { runFromRow } from './run-from-row.ts'
import { flag, ignored, time, uuid } from '../schemas.ts'

const querystring = z.object({
  exclude_serialized: flag.default(false),
  session_id: ignored(uuid.optional(), 'a run is found by its id'),
  start_time: ignored(time.optional(), 'a run is found by its id'),
  exclude_s3_stored_attributes: ignored(flag.optional(), 'there is one store'),
  include_messages: ignored(
    flag.optional(),
    'messages are in the inputs and outputs, as they were sent',
  ),
})

/** `GET /runs/{run_id}` (contracts/langsmith.md 2.6.3). */
export function getRunsId(app: App, services: Services): void {
  app.get(
    '/runs/:run_id',
    {
      schema: {
        tags: ['runs'],
        summary: 'Read a run',
        params: z.object({ run_id: uuid }),
        querystring,
        response: { 200: runAnswer },
      },
    },
    async (request) => {
      const row = await runFind(services.db, request.principal.tenantId, request.params.run_id)
      if (row === null) throw notFound('Run')
      const run = runFromRow(row, attachmentUrls(services, request))
      return request.query.exclude_serialized ? { ...run, serialized: null } : run
    },
  )
}
