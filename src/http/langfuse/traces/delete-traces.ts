import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { traceDeleteMany } from '../../../store/write/traces.ts'
import type { App, Services } from '../../services.ts'
import { messageAnswer } from '../requests.ts'

const tags = ['langfuse traces']
const response = { 200: messageAnswer }

const oneSchema = {
  params: z.object({ traceId: z.string() }),
  response,
  tags,
  summary: 'Delete a trace',
}

const maxTraces = 1000

const manySchema = {
  body: z.strictObject({ traceIds: z.array(z.string()).min(1).max(maxTraces) }),
  response,
  tags,
  summary: 'Delete traces',
}

/**
 * Deletes traces with their observations, scores and links (contracts/langfuse.md 2.9). Events of them that arrive
 * later are dropped, so an unknown trace can be deleted too.
 */
export function deleteTraces(app: App, { db, clock }: Services): void {
  app.delete('/traces/:traceId', { schema: oneSchema }, async ({ principal, params }) => {
    const { id } = resolveId('trace', params.traceId)
    await traceDeleteMany(db, principal.tenantId, null, [id], clock.now())
    return { message: 'Trace deleted successfully' }
  })

  app.delete('/traces', { schema: manySchema }, async ({ principal, body }) => {
    const ids = body.traceIds.map((traceId) => resolveId('trace', traceId).id)
    await traceDeleteMany(db, principal.tenantId, null, ids, clock.now())
    return { message: 'Traces deleted successfully' }
  })
}
