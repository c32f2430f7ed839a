import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { traceDeleteMany } from '../../../store/write/traces.ts'
import type { App, Services } from '../../services.ts'

const maxTraces = 1000

/** The same for many traces at once (contracts/langfuse.md 2.9). */
export function deleteTraces(app: App, { db, clock }: Services): void {
  const schema = {
    body: z.strictObject({ traceIds: z.array(z.string()).min(1).max(maxTraces) }),
    response: { 200: z.object({ message: z.string() }) },
    tags: ['langfuse traces'],
    summary: 'Delete traces',
  }
  app.delete('/traces', { schema }, async ({ principal: { tenantId }, body }) => {
    const ids = body.traceIds.map((traceId) => resolveId('trace', traceId).id)
    await traceDeleteMany(db, tenantId, null, ids, clock.now())
    return { message: 'Traces deleted successfully' }
  })
}
