import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import { shareDelete } from '../../../store/write/shares.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

/** `DELETE /runs/{run_id}/share`: the token is good for nothing from now on. */
export function deleteRunsIdShare(app: App, { db }: Services): void {
  app.delete(
    '/runs/:run_id/share',
    {
      schema: {
        tags: ['runs'],
        summary: 'Stop sharing a run',
        params: z.object({ run_id: uuid }),
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const runId = request.params.run_id
      if ((await runFind(db, tenantId, runId)) === null) throw notFound('Run')
      await shareDelete(db, tenantId, 'run', runId)
      return { message: 'Run is no longer shared' }
    },
  )
}
