import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { storableText } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { FeedbackRow } from '../../../store/read/feedback/feedback.ts'
import { invalid } from '../errors.ts'
import { feedbackConfig, feedbackKey } from './feedback-config.ts'
import { readValues, withoutNulls, type PayloadShapes } from '../payload-values.ts'
import { jsonObject, text, time, union, uuid } from '../schemas.ts'

const score = union([z.number(), z.boolean()], 'a number or a boolean')

/** Fields that creates and updates may set. They are stored as they were sent (contracts/langsmith.md 2.7.2). */
const opinionValues = z.object({ score: score.nullish(), comment: text.nullish() })

const opinionShapes: PayloadShapes = [
  ['value', /^[^[]/, 'a number, a boolean, a string or an object'],
  ['correction', /^[{"]/, 'an object or a string'],
]

const createValues = opinionValues.extend({
  id: uuid.nullish(),
  key: feedbackKey,
  run_id: uuid.nullish(),
  trace_id: uuid.nullish(),
  session_id: uuid.nullish(),
  start_time: time.nullish(),
  comparative_experiment_id: uuid.nullish(),
  feedback_group_id: uuid.nullish(),
  feedback_source: z
    .object({
      type: z.enum(['api', 'app', 'model', 'auto_eval']).nullish(),
      metadata: jsonObject.nullish(),
    })
    .nullish(),
  created_at: time.nullish(),
  modified_at: time.nullish(),
  error: z.boolean().nullish(),
})

const createShapes: PayloadShapes = [...opinionShapes, ['extra', /^\{/, 'an object']]

const opinionInput = {
  value: z.union([z.number(), z.boolean(), z.string(), jsonObject]).nullish(),
  correction: z.union([jsonObject, z.string()]).nullish(),
  /** `readFeedbackConfig` reads it. */
  feedback_config: feedbackConfig.nullish(),
}

/** Schemas for the documentation; `feedbackToEvent` and `feedbackUpdateToEvent` validate. Other fields are ignored. */
export const feedbackInput = createValues.extend({ ...opinionInput, extra: jsonObject.nullish() })
export const feedbackUpdateInput = opinionValues.extend(opinionInput)

/**
 * Translates one piece of feedback to an event. Its run and its session need not be known
 * (contracts/langsmith.md 2.7.3).
 * @param fields the JSON text of each field
 * @param content everything that was sent, to tell events of one instant apart
 * @throws LangsmithError 422
 */
export function feedbackToEvent(
  fields: ReadonlyMap<string, JsonText>,
  content: string,
  now: Timestamp,
  loc: (string | number)[],
): EventOf<'feedback'> {
  const given = withoutNulls(fields)
  const values = readValues(createValues, createShapes, given, loc)
  const { run_id: runId, trace_id: traceId, session_id: experimentId } = values
  if (!runId && !traceId && !experimentId) {
    throw invalid(
      [...loc, 'run_id'],
      'One of run_id, trace_id and session_id is required',
      'missing',
    )
  }
  const createdAt = values.created_at ?? now
  const source = given.get('feedback_source')
  const extra = extraOf(given.get('extra'), values.error === true)
  return {
    kind: 'feedback',
    id: values.id ?? randomUUID(),
    externalId: null,
    version: eventVersion('create', values.modified_at ?? createdAt, content),
    patch: {
      ...opinionPatch(given, values),
      key: values.key,
      ...(runId ? { runId, externalRunId: null } : {}),
      ...(traceId ? { traceId, externalTraceId: null } : {}),
      ...(experimentId ? { experimentId } : {}),
      ...(values.start_time ? { runStartTime: values.start_time } : {}),
      ...(values.comparative_experiment_id
        ? { comparativeExperimentId: values.comparative_experiment_id }
        : {}),
      ...(values.feedback_group_id ? { feedbackGroupId: values.feedback_group_id } : {}),
      sourceType: values.feedback_source?.type ?? 'api',
      source: source ?? null,
      ...(extra === null ? {} : { extra }),
      createdAt,
      // Only when the client says so: a time of our own would make a repeated request a change.
      ...(values.modified_at ? { updatedAt: values.modified_at } : {}),
    },
  }
}

/**
 * Translates a change of score, value, comment or correction. Null and absent fields keep.
 * @throws LangsmithError 422
 */
export function feedbackUpdateToEvent(
  id: string,
  fields: ReadonlyMap<string, JsonText>,
  content: string,
  now: Timestamp,
): EventOf<'feedback'> {
  const given = withoutNulls(fields)
  const values = readValues(opinionValues, opinionShapes, given, ['body'])
  return {
    kind: 'feedback',
    id,
    externalId: null,
    version: eventVersion('update', now, content),
    patch: { ...opinionPatch(given, values), updatedAt: now },
  }
}

/** The row that an event will make: the answer to a request whose event is not applied yet. */
export function rowOfEvent({ id, patch }: EventOf<'feedback'>): FeedbackRow {
  return {
    id,
    runId: patch.runId ?? null,
    traceId: patch.traceId ?? null,
    experimentId: patch.experimentId ?? null,
    key: patch.key ?? null,
    score: patch.score ?? null,
    value: patch.value ?? null,
    comment: patch.comment ?? null,
    correction: patch.correction ?? null,
    sourceType: patch.sourceType ?? null,
    source: patch.source ?? null,
    threadId: null,
    extra: patch.extra ?? null,
    comparativeExperimentId: patch.comparativeExperimentId ?? null,
    feedbackGroupId: patch.feedbackGroupId ?? null,
    runStartTime: patch.runStartTime ?? null,
    isRoot: false,
    createdAt: patch.createdAt ?? null,
    updatedAt: patch.updatedAt ?? null,
  }
}

function opinionPatch(
  given: ReadonlyMap<string, JsonText>,
  values: z.output<typeof opinionValues>,
): EventOf<'feedback'>['patch'] {
  const score = given.get('score')
  const value = given.get('value')
  const correction = given.get('correction')
  return {
    // `scoreNumber` is for statistics, which count true as 1 and false as 0.
    ...(score === undefined ? {} : { score, scoreNumber: Number(values.score) }),
    ...(value === undefined ? {} : { value, valueText: stringOf(value) }),
    ...(values.comment === null || values.comment === undefined ? {} : { comment: values.comment }),
    ...(correction === undefined ? {} : { correction }),
  }
}

function stringOf(text: JsonText): string | null {
  return text.startsWith('"') ? storableText(JSON.parse(text) as string) : null
}

/** `error: true` means that the evaluator crashed. Python's clients read it from `extra`. */
function extraOf(extra: JsonText | undefined, isError: boolean): JsonText | null {
  if (!isError) return extra ?? null
  const members = sliceMembers(extra ?? '{}').set('error', 'true')
  return `{${[...members].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
}
