import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { traceDeleteMany } from '../../../store/write/traces.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const body = z.object({ session_id: uuid, trace_ids: z.array(uuid).max(1000) })

/** `POST /runs/delete/traces`: whole traces of one session, for good (contracts/langsmith.md 2.6.3). */
export function postRunsDeleteTraces(app: App, { db, clock }: Services): void {
  app.post(
    '/runs/delete/traces',
    { schema: { tags: ['runs'], summary: 'Delete traces', body } },
    async (request) => {
      const { tenantId } = request.principal
      const { session_id: sessionId, trace_ids: traceIds } = request.body
      if ((await experimentFind(db, tenantId, sessionId)) === null) throw notFound('Session')
      await traceDeleteMany(db, tenantId, sessionId, traceIds, clock.now())
      return { message: 'Traces deleted' }
    },
  )
}
