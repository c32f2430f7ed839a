import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import type { IngestEvent } from '../../../domain/events.ts'
import { isUuid } from '../../../domain/ids.ts'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import {
  scoreConfigListAmong,
  type ScoreConfigRow,
} from '../../../store/read/feedback/score-configs.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { LangfuseError } from '../errors.ts'
import { configKey, maxInteractive } from '../ingest/ingestion-to-events.ts'
import { postedScoreBody } from '../ingest/score-body.ts'
import { scoreToEvent } from '../ingest/score-to-event.ts'
import { messageAnswer } from '../requests.ts'

type PostedScore = z.output<typeof postedScoreBody>

const listAnswer = z.object({
  accepted: z.int(),
  rejected: z.int(),
  errors: z.array(z.object({ message: z.string() })),
})

/**
 * Makes a score, or changes the one of that id; or takes a list of scores, of which bad ones do not refuse the others
 * (contracts/langfuse.md 2.6.1).
 */
export function postScores(app: App, services: Services): void {
  app.post(
    '/scores',
    {
      schema: {
        tags: ['langfuse scores'],
        summary: 'Make or change a score, or several',
        body: z.union([postedScoreBody, z.array(postedScoreBody)]),
        response: { 200: z.object({ id: z.string() }), 202: messageAnswer, 207: listAnswer },
      },
      config: { scope: 'scores', isIngest: true },
      // Each score of a list is validated by itself. A union would tell of a single one only that it is neither.
      validatorCompiler: (route) => {
        const validateOne = validatorCompiler({ ...route, schema: postedScoreBody })
        return (data: unknown) => (Array.isArray(data) ? { value: data } : validateOne(data))
      },
    },
    async (request, reply) => {
      const { body, bodyText, principal } = request
      if (!Array.isArray(body)) {
        const id = body.id || randomUUID()
        const configs = await configsOf(services, principal.tenantId, [body])
        const event = toEvent({ id, body, text: bodyText, configs, now: services.clock.now() })
        await acceptEvents(services, request, [event], { isInteractive: true })
        return { id }
      }
      const { events, errors } = await readList(services, request, body)
      const { length: accepted } = events
      await acceptEvents(services, request, events, {
        isInteractive: accepted <= maxInteractive,
      })
      request.countRefused(errors.length)
      if (errors.length === 0) return reply.code(202).send({ message: 'Accepted' })
      const answer = { accepted, rejected: errors.length, errors }
      return reply.code(207).send(answer)
    },
  )
}

/**
 * Reads a list, element by element.
 * @param list its elements, none of them validated
 */
async function readList(
  services: Services,
  { bodyText, principal }: FastifyRequest,
  list: readonly unknown[],
): Promise<{ events: IngestEvent[]; errors: { message: string }[] }> {
  const now = services.clock.now()
  const texts = sliceElements(bodyText)
  const read = list.map((value) => postedScoreBody.safeParse(value))
  const valid = read.flatMap(({ data }) => (data === undefined ? [] : [data]))
  const configs = await configsOf(services, principal.tenantId, valid)
  const events: IngestEvent[] = []
  const errors: { message: string }[] = []
  for (const [i, { data: body, error }] of read.entries()) {
    const refuse = (reason: string) => errors.push({ message: `Score ${i}: ${reason}` })
    if (body === undefined) {
      refuse(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
      continue
    }
    try {
      const id = body.id || randomUUID()
      events.push(toEvent({ id, body, text: texts[i]!, configs, now }))
    } catch (refusal) {
      if (!(refusal instanceof LangfuseError)) throw refusal
      refuse(refusal.message)
    }
  }
  return { events, errors }
}

async function configsOf(
  { db }: Services,
  tenantId: string,
  bodies: readonly PostedScore[],
): Promise<Map<string, ScoreConfigRow>> {
  const keys = new Set(bodies.map(({ configId }) => configKey(configId)))
  return scoreConfigListAmong(db, tenantId, [...keys].filter(isUuid))
}

/**
 * @param text the JSON text of the score
 * @throws LangfuseError 400 when the score does not obey its config
 */
function toEvent({
  id,
  body,
  text,
  configs,
  now,
}: {
  id: string
  body: PostedScore
  text: JsonText
  configs: ReadonlyMap<string, ScoreConfigRow>
  now: Timestamp
}): IngestEvent {
  const origin = { rank: 'create', time: body.timestamp ?? now, content: text, now } as const
  const config = configs.get(configKey(body.configId))
  return scoreToEvent(id, body, sliceMembers(text), config, origin)
}
