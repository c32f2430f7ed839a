import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import { shareUpsert } from '../../../store/write/shares.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

/** `PUT /runs/{run_id}/share`: shares a run with whoever has the token; again, with the same token. */
export function putRunsIdShare(app: App, { db, clock }: Services): void {
  app.put(
    '/runs/:run_id/share',
    {
      schema: { tags: ['runs'], summary: 'Share a run', params: z.object({ run_id: uuid }) },
    },
    async (request) => {
      const { tenantId } = request.principal
      const runId = request.params.run_id
      if ((await runFind(db, tenantId, runId)) === null) throw notFound('Run')
      const token = await shareUpsert(db, tenantId, 'run', runId, clock.now())
      return { run_id: runId, share_token: token }
    },
  )
}
