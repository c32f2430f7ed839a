import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import type { IngestEvent } from '../../../domain/events.ts'
import { sliceMembers, sliceObjects } from '../../../domain/json.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { invalid, LangsmithError } from '../errors.ts'
import { unvalidated } from '../payload-values.ts'
import { runInput } from './run-payload.ts'
import {
  payloadOfElement,
  refusedError,
  translateRuns,
  type RefusedRun,
  type RunPayload,
} from './run-to-events.ts'

/**
 * `POST /runs/batch`: creates (`post`) and updates (`patch`) of any number of runs, in any order. When some are
 * refused, the others are stored all the same, and the answer names the refused ones (contracts/langsmith.md 2.6.1,
 * 2.6.2).
 */
export function postRunsBatch(app: App, services: Services): void {
  app.post(
    '/runs/batch',
    {
      schema: {
        tags: ['runs'],
        summary: 'Create and update runs',
        body: z.object({ post: z.array(runInput).nullish(), patch: z.array(runInput).nullish() }),
        response: { 202: messageAnswer },
      },
      config: { errorShape: 'error', isIngest: true, readsText: true },
      validatorCompiler: unvalidated,
    },
    async (request, reply) => {
      const { events, refused } = await takeRuns(services, request)
      await acceptEvents(services, request, events, { isInteractive: false })
      request.countRefused(refused.length)
      if (refused.length > 0) throw refusedError(refused)
      return reply.code(202).send({ message: 'Runs batch accepted' })
    },
  )
}

/** Nothing of the body is held once this is done, but for the events. */
async function takeRuns(
  services: Services,
  request: FastifyRequest,
): Promise<{ events: IngestEvent[]; refused: RefusedRun[] }> {
  const { payloads, refused } = readBatch(request.bodyText)
  request.bodyText = ''
  const translated = await translateRuns(services, request.principal.tenantId, payloads)
  return { events: translated.events, refused: [...refused, ...translated.refused] }
}

function readBatch(text: JsonText): { payloads: RunPayload[]; refused: RefusedRun[] } {
  const payloads: RunPayload[] = []
  const refused: RefusedRun[] = []
  if (!text.trimStart().startsWith('{')) throw invalid(['body'], 'Input should be an object')
  const members = sliceMembers(text)
  for (const [name, operation] of [
    ['post', 'create'],
    ['patch', 'update'],
  ] as const) {
    const list = members.get(name) ?? 'null'
    if (list === 'null') continue
    if (!list.startsWith('[')) throw invalid(['body', name], 'Input should be a list')
    for (const [i, element] of sliceObjects(list).entries()) {
      const loc = ['body', name, i]
      try {
        payloads.push(payloadOfElement(operation, element, loc))
      } catch (error) {
        if (!(error instanceof LangsmithError)) throw error
        refused.push({ runId: null, loc, error })
      }
    }
  }
  return { payloads, refused }
}
