import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { traceDeleteMany } from '../../../store/write/traces.ts'
import type { App, Services } from '../../services.ts'

/** A trace with its observations, scores and links; what of it is still under way is dropped. Unknown ones too. */
export function deleteTracesId(app: App, { db, clock }: Services): void {
  const schema = {
    params: z.object({ traceId: z.string() }),
    response: { 200: z.object({ message: z.string() }) },
    tags: ['langfuse traces'],
    summary: 'Delete a trace',
  }
  app.delete('/traces/:traceId', { schema }, async ({ principal: { tenantId }, params }) => {
    const { id } = resolveId('trace', params.traceId)
    await traceDeleteMany(db, tenantId, null, [id], clock.now())
    return { message: 'Trace deleted successfully' }
  })
}
