import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId } from '../../../domain/ids.ts'
import { runTypeOf, type ObservationType } from '../../../domain/observation-types.ts'
import {
  clearable,
  kept,
  metadataPatch,
  readPayloads,
  weakVersion,
  writtenAt,
  type EventOrigin,
} from './payload-patch.ts'
import { clientId, strictInstant, text } from '../requests.ts'
import { environmentPatch } from './trace-to-event.ts'
import { usagePatch } from '../../../domain/usage.ts'

/** Body of `span-*` (contracts/langfuse.md 2.7). `input`, `output` and `metadata` stay JSON text. */
export const spanBody = z.object({
  id: clientId.nullish(),
  traceId: clientId.nullish(),
  parentObservationId: z.string().nullish(),
  name: text.nullish(),
  startTime: strictInstant.nullish(),
  endTime: strictInstant.nullish(),
  environment: z.unknown().optional(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  metadata: z.unknown().optional(),
  level: z.enum(['DEBUG', 'DEFAULT', 'WARNING', 'ERROR']).nullish(),
  statusMessage: text.nullish(),
  version: text.nullish(),
})

/** Body of `event-create`: events have no end. */
export const eventBody = spanBody.omit({ endTime: true })

const tokens = z.number().int().nullish()

/** The old form of usage. An event whose counts are not whole numbers is refused. */
const usage = z.object({
  input: tokens,
  output: tokens,
  total: tokens,
  unit: z.string().nullish(),
  inputCost: z.number().nullish(),
  outputCost: z.number().nullish(),
  totalCost: z.number().nullish(),
  promptTokens: tokens,
  completionTokens: tokens,
  totalTokens: tokens,
})

const maxInteger = 2_147_483_647

/** Body of `generation-*`, and of the types that have the same fields. */
export const generationBody = spanBody
  .extend({
    completionStartTime: strictInstant.nullish(),
    model: text.nullish(),
    modelParameters: z
      .record(
        z.string(),
        z
          .union([
            z.string(),
            z.number(),
            z.boolean(),
            z.array(z.string()),
            z.record(z.string(), z.string()),
          ])
          .nullish(),
      )
      .nullish(),
    usage: usage.nullish(),
    usageDetails: z.record(z.string(), z.unknown()).nullish(),
    costDetails: z.record(z.string(), z.unknown()).nullish(),
    promptName: text.nullish(),
    promptVersion: z.number().int().min(-maxInteger).max(maxInteger).nullish(),
  })
  .refine(
    ({ promptName, promptVersion }) =>
      (promptName ?? null) === null
        ? (promptVersion ?? null) === null
        : promptVersion !== null && promptVersion !== undefined,
    { path: ['promptName'], message: 'promptName and promptVersion must be given together' },
  )

/** Fields that all bodies have, and those that only some have. */
export type ObservationBody = z.output<typeof eventBody> &
  Partial<z.output<typeof spanBody>> &
  Partial<z.output<typeof generationBody>>

/**
 * Translates the body of an observation by the rules of contracts/langfuse.md 3.2.
 * @param id the client's id of the observation
 * @param members the JSON text of each field of the body
 * @param experimentId the project that the observation goes to
 * @throws LangfuseError 400
 */
export function observationToEvents(
  id: string,
  type: ObservationType,
  body: ObservationBody,
  members: ReadonlyMap<string, JsonText>,
  experimentId: string,
  origin: EventOrigin,
): EventOf<'run'>[] {
  const run = resolveId('run', id)
  const startTime = body.startTime ?? origin.time
  const { endTime = null } = body
  const { firm, weak } = readPayloads(members)
  const place = { experimentId, ...tracePatch(id, body, origin.rank) }
  const event: EventOf<'run'> = {
    kind: 'run',
    ...run,
    version: eventVersion(origin.rank, origin.time, origin.content),
    patch: {
      ...place,
      ...parentPatch(body.parentObservationId),
      ...clearable('name', body.name),
      runType: runTypeOf(type),
      startTime,
      ...kept(
        'endTime',
        endTime !== null && body.startTime && endTime < startTime ? startTime : endTime,
      ),
      ...clearable('level', body.level),
      ...kept('statusMessage', body.statusMessage),
      ...kept('version', body.version),
      ...environmentPatch(body.environment),
      ...metadataPatch(members),
      ...firm,
      ...generationPatch(body, members),
      ...writtenAt(origin),
    },
  }
  if (Object.keys(weak).length === 0) return [event]
  return [event, { ...event, version: weakVersion(origin), patch: { ...place, ...weak } }]
}

type RunPatch = EventOf<'run'>['patch']

/** A root that names no trace gets a trace of its own. A child gets its parent's, which the worker looks up. */
function tracePatch(
  id: string,
  { traceId, parentObservationId }: ObservationBody,
  rank: EventOrigin['rank'],
): RunPatch {
  if (!traceId && (parentObservationId || rank === 'update')) return {}
  const trace = resolveId('trace', traceId || id)
  return { traceId: trace.id, externalTraceId: trace.externalId }
}

function parentPatch(parentObservationId: string | null | undefined): RunPatch {
  if (!parentObservationId) return {}
  const parent = resolveId('run', parentObservationId)
  return { parentRunId: parent.id, externalParentRunId: parent.externalId }
}

/** Fields of generations. The schema has dropped them from the bodies of all other types. */
function generationPatch(body: ObservationBody, members: ReadonlyMap<string, JsonText>): RunPatch {
  const parameters = body.modelParameters
  const { promptName, promptVersion } = body
  return {
    ...kept('firstTokenTime', body.completionStartTime),
    ...clearable('model', body.model),
    ...(parameters && Object.keys(parameters).length > 0
      ? { modelParameters: members.get('modelParameters')! }
      : {}),
    ...(promptName ? { promptName, promptVersion: promptVersion ?? null } : {}),
    ...usagePatch({
      usage: body.usage ? members.get('usage') : undefined,
      usageDetails: body.usageDetails ? members.get('usageDetails') : undefined,
      costDetails: body.costDetails ? members.get('costDetails') : undefined,
    }),
  }
}
