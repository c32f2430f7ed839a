import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { scoreConfigListAmong } from '../../../store/read/feedback/score-configs.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { configKey } from '../ingest/ingestion-to-events.ts'
import { scoreBody } from '../ingest/score-body.ts'
import { scoreToEvent } from '../ingest/score-to-event.ts'

/** Makes a score, or changes the one of that id (contracts/langfuse.md 2.6.1). */
export function postScores(app: App, services: Services): void {
  const { db, clock } = services
  app.post(
    '/scores',
    {
      schema: {
        tags: ['langfuse scores'],
        summary: 'Make or change a score',
        body: scoreBody,
        response: { 200: z.object({ id: z.string() }) },
      },
      config: { scope: 'scores', isIngest: true },
    },
    async (request) => {
      const { body, bodyText, principal } = request
      const id = body.id || randomUUID()
      const key = configKey(body.configId)
      const configs = await scoreConfigListAmong(db, principal.tenantId, isUuid(key) ? [key] : [])
      const now = clock.now()
      const origin = { rank: 'create', time: now, content: bodyText, now } as const
      const event = scoreToEvent(id, body, sliceMembers(bodyText), configs.get(key), origin)
      await acceptEvents(services, request, [event], { isInteractive: true })
      return { id }
    },
  )
}
