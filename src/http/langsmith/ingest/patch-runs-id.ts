import { z } from 'zod'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { unvalidated } from '../payload-values.ts'
import { accepted, runInput } from './run-payload.ts'
import { payloadOf, translateRuns } from './run-to-events.ts'

/**
 * `PATCH /runs/{run_id}`: updates one run, known or not: its create may still be on its way
 * (contracts/langsmith.md 2.6.1, 3.3).
 */
export function patchRunsId(app: App, services: Services): void {
  app.patch(
    '/runs/:run_id',
    {
      schema: {
        tags: ['runs'],
        summary: 'Update a run',
        params: z.object({ run_id: z.guid() }),
        body: runInput.partial(),
        response: { 202: accepted },
      },
      config: { errorShape: 'error' },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const payload = payloadOf('update', request.params.run_id, request.bodyText, ['body'])
      const { events, refused } = await translateRuns(services, request.principal.tenantId, [
        payload,
      ])
      if (refused[0] !== undefined) throw refused[0].error
      await acceptEvents(services, request, events, { isInteractive: true })
      return reply.code(202).send({ message: 'Run update accepted' })
    },
  )
}
