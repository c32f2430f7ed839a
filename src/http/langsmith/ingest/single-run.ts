import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { parseDottedOrder } from '../../../domain/dotted-order.ts'
import { unvalidated } from '../payload-values.ts'
import { runInput } from './run-payload.ts'
import { payloadOf, translateRuns, type RunPayload } from './run-to-events.ts'

const tags = ['runs']
const response = { 202: messageAnswer }

const postSchema = {
  tags,
  summary: 'Create a run; without an id the server makes one',
  body: runInput,
  response,
}

const patchSchema = {
  tags,
  summary: 'Update a run',
  params: z.object({ run_id: z.guid() }),
  body: runInput.partial(),
  response,
}

/** One run at a time: both routes answer once the run can be read (contracts/langsmith.md 2.6.1). */
export function singleRunRoutes(app: App, services: Services): void {
  const config = { errorShape: 'error' as const, isIngest: true }
  const validatorCompiler = unvalidated

  app.post('/runs', { schema: postSchema, config, validatorCompiler }, async (request, reply) => {
    const payload = payloadOf('create', null, request.bodyText, ['body'])
    await acceptRun(services, request, withId(payload))
    return reply.code(202).send({ message: 'Run accepted' })
  })

  // The run need not be known: its create may still be on its way (contracts/langsmith.md 3.3).
  app.patch(
    '/runs/:run_id',
    { schema: patchSchema, config, validatorCompiler },
    async (request, reply) => {
      const payload = payloadOf('update', request.params.run_id, request.bodyText, ['body'])
      await acceptRun(services, request, payload)
      return reply.code(202).send({ message: 'Run update accepted' })
    },
  )
}

/** @throws LangsmithError when the payload is refused */
async function acceptRun(
  services: Services,
  request: FastifyRequest,
  payload: RunPayload,
): Promise<void> {
  const { tenantId } = request.principal
  const { events, refused } = await translateRuns(services, tenantId, [payload])
  if (refused[0] !== undefined) throw refused[0].error
  await acceptEvents(services, request, events, { isInteractive: true })
}

/**
 * Gives a run without an id the one that its place in the trace says, or else a new one: two runs that are equal but for
 * their id are still two.
 */
function withId(payload: RunPayload): RunPayload {
  const { fields } = payload
  if ((fields.get('id') ?? 'null') !== 'null') return payload
  const last = parseDottedOrder(stringOf(fields.get('dotted_order')))?.at(-1)?.id
  const traceId = stringOf(fields.get('trace_id'))
  const isRoot = (fields.get('parent_run_id') ?? 'null') === 'null'
  return { ...payload, id: last ?? (isRoot && isUuid(traceId) ? traceId : randomUUID()) }
}

function stringOf(text = 'null'): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : ''
}
