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

/** What both a create and an update may set; they travel as they were given (contracts/langsmith.md 2.7.2). */
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
  /** Read by `readFeedbackConfig`. */
  feedback_config: feedbackConfig.nullish(),
}

/** For the documentation; `feedbackToEvent` validates. Other fields are ignored. */
export const feedbackInput = createValues.extend({ ...opinionInput, extra: jsonObject.nullish() })
export const feedbackUpdateInput = opinionValues.extend(opinionInput)

/**
 * One piece of feedback as an event. Its run need not be known (contracts/langsmith.md 2.7.3), nor its session.
 * @param fields JSON text per field
 * @param content all that was sent
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
    version: eventVersion('create', createdAt, content),
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
      // Left out when the client does not say: so a repeated request changes nothing.
      ...(values.modified_at ? { updatedAt: values.modified_at } : {}),
    },
  }
}

/** A change of score, value, comment or correction; null and absent keep. @throws LangsmithError 422 */
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

/** The row that an event makes, for an answer before it is applied. */
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
    // Statistics count true as 1 and false as 0.
    ...(score === undefined ? {} : { score, scoreNumber: Number(values.score) }),
    ...(value === undefined ? {} : { value, valueText: stringOf(value) }),
    ...(values.comment === null || values.comment === undefined ? {} : { comment: values.comment }),
    ...(correction === undefined ? {} : { correction }),
  }
}

function stringOf(text: JsonText): string | null {
  return text.startsWith('"') ? storableText(JSON.parse(text) as string) : null
}

/** `error: true` says that the evaluator crashed; Python's clients look for it in `extra`. */
function extraOf(extra: JsonText | undefined, isError: boolean): JsonText | null {
  if (!isError) return extra ?? null
  const members = sliceMembers(extra ?? '{}').set('error', 'true')
  return `{${[...members].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
}
