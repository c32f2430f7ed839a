import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { defaultProject } from './ingestion-to-events.ts'
import { traceBody, traceToEvents } from './trace-to-event.ts'

/** Makes a trace, or adds to the one of that id (contracts/langfuse.md 2.9, 3.2). */
export function postTraces(app: App, services: Services): void {
  const { clock, experimentIds } = services
  const schema = {
    body: traceBody,
    response: { 200: z.object({ id: z.string() }) },
    tags: ['langfuse traces'],
    summary: 'Make or change a trace',
  }
  app.post('/traces', { schema, config: { isIngest: true } }, async (request) => {
    const { body, bodyText, principal } = request
    const id = body.id || randomUUID()
    const now = clock.now()
    const projects = await experimentIds.resolveNames(principal.tenantId, [defaultProject], now)
    const origin = { rank: 'create', time: now, content: bodyText, now } as const
    const experimentId = projects.get(defaultProject)!
    const events = traceToEvents(id, body, sliceMembers(bodyText), experimentId, origin)
    await acceptEvents(services, request, events, { isInteractive: true })
    return { id }
  })
}
