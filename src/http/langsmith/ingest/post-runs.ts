import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { unvalidated } from '../payload-values.ts'
import { accepted, runInput } from './run-payload.ts'
import { payloadOf, translateRuns } from './run-to-events.ts'

/** `POST /runs`: creates one run, and answers once it can be read (contracts/langsmith.md 2.6.1). */
export function postRuns(app: App, services: Services): void {
  app.post(
    '/runs',
    {
      schema: {
        tags: ['runs'],
        summary: 'Create a run',
        body: runInput,
        response: { 202: accepted },
      },
      config: { errorShape: 'error' },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const payload = payloadOf('create', null, request.bodyText, ['body'])
      const { events, refused } = await translateRuns(services, request.principal.tenantId, [
        payload,
      ])
      if (refused[0] !== undefined) throw refused[0].error
      await acceptEvents(services, request, events, { isInteractive: true })
      return reply.code(202).send({ message: 'Run accepted' })
    },
  )
}
