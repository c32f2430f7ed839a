import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

/** `GET /runs/{run_id}/share`: null when the run is not shared (contracts/langsmith.md 2.6.3). */
export function getRunsIdShare(app: App, { db }: Services): void {
  app.get(
    '/runs/:run_id/share',
    {
      schema: {
        tags: ['runs'],
        summary: 'Read under which token a run is shared',
        params: z.object({ run_id: uuid }),
      },
    },
    async (request, reply) => {
      const run = await runFind(db, request.principal.tenantId, request.params.run_id)
      if (run === null) throw notFound('Run')
      const share = run.shareToken === null ? null : { run_id: run.id, share_token: run.shareToken }
      // An answer of null would be sent without a body.
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(share))
    },
  )
}
