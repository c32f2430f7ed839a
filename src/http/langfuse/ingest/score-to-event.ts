import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId, storableText } from '../../../domain/ids.ts'
import type { ScoreConfigRow } from '../../../store/read/feedback/score-configs.ts'
import { invalidRequest } from '../errors.ts'
import { clearable, kept, metadataPatch, writtenAt, type EventOrigin } from './payload-patch.ts'
import { expectedValue, type ScoreBody, type ScoreDataType } from './score-body.ts'
import { environmentPatch } from './trace-to-event.ts'

type FeedbackPatch = EventOf<'feedback'>['patch']

/** The name of all corrections. */
const correctionName = 'output'

/**
 * Translates a score to feedback by the rules of contracts/langfuse.md 2.6.1 and 3.2. What it is about need not exist.
 * @param id the client's id of the score
 * @param members the JSON text of each field of the body
 * @param config the config that the body names; undefined when there is no such config
 * @throws LangfuseError 400 when the score does not obey its config
 */
export function scoreToEvent(
  id: string,
  body: ScoreBody,
  members: ReadonlyMap<string, JsonText>,
  config: ScoreConfigRow | undefined,
  origin: EventOrigin,
): EventOf<'feedback'> {
  const { imported } = origin
  // A config may have changed since the score was given.
  if (body.configId && imported === undefined) checkConfig(body, config)
  const dataType = dataTypeOf(body, config)
  return {
    kind: 'feedback',
    ...resolveId('feedback', id),
    version: eventVersion(origin.rank, origin.time, origin.content),
    patch: {
      ...subjectPatch(body),
      key: keyOf(dataType, body, imported === undefined ? config : undefined),
      dataType,
      ...valuePatch(dataType, members.get('value')!, config),
      ...clearable('comment', body.comment),
      ...clearable('configId', config?.externalId ?? config?.id ?? body.configId),
      ...clearable('queueId', body.queueId),
      sourceType: (body.source ?? 'API').toLowerCase(),
      source: null,
      ...environmentPatch(body.environment),
      ...metadataPatch(members),
      timestamp: imported?.timestamp ?? origin.time,
      ...writtenAt(origin),
    },
  }
}

function keyOf(
  dataType: ScoreDataType,
  body: ScoreBody,
  config: ScoreConfigRow | undefined,
): string {
  return dataType === 'CORRECTION' ? correctionName : (config?.name ?? body.name)
}

/** The type that the body names, or else the config's, or else the one that fits the value. */
function dataTypeOf(
  { dataType, value }: ScoreBody,
  config: ScoreConfigRow | undefined,
): ScoreDataType {
  if (dataType !== undefined) return dataType
  if (config !== undefined) return config.dataType
  if (typeof value === 'boolean') return 'BOOLEAN'
  return typeof value === 'number' ? 'NUMERIC' : 'CATEGORICAL'
}

/**
 * Langfuse accepts a score that breaks its config and drops it later. Here it is refused, so that the client learns of
 * it.
 * @throws LangfuseError 400
 */
function checkConfig(body: ScoreBody, config: ScoreConfigRow | undefined): void {
  if (config === undefined) throw invalidRequest(`Score config ${body.configId} not found`)
  if (config.isArchived) {
    throw invalidRequest(
      'Config is archived and cannot be used to create new scores. Please restore the config first.',
    )
  }
  const { value, dataType = config.dataType } = body
  if (dataType !== config.dataType) {
    throw invalidRequest(
      `Data type mismatch based on config: expected ${config.dataType}, got ${dataType}`,
    )
  }
  const expected = expectedValue(dataType, value)
  if (expected !== null) throw invalidRequest(expected)
  if (dataType === 'NUMERIC') {
    const { minValue, maxValue } = config
    if (maxValue !== null && Number(value) > maxValue) {
      throw invalidRequest(`Value exceeds maximum value of ${maxValue} based on config`)
    }
    if (minValue !== null && Number(value) < minValue) {
      throw invalidRequest(`Value is below minimum value of ${minValue} based on config`)
    }
  }
  if (dataType === 'CATEGORICAL' && !config.categories.some(({ label }) => label === value)) {
    throw invalidRequest(`Category ${String(value)} does not map to a valid category of the config`)
  }
}

function subjectPatch(body: ScoreBody): FeedbackPatch {
  const trace = body.traceId ? resolveId('trace', body.traceId) : null
  const run = body.observationId ? resolveId('run', body.observationId) : null
  const experiment = body.datasetRunId ? resolveId('experiment', body.datasetRunId) : null
  return {
    ...(trace === null ? {} : { traceId: trace.id, externalTraceId: trace.externalId }),
    ...(body.observationId === undefined
      ? {}
      : { runId: run?.id ?? null, externalRunId: run?.externalId ?? null }),
    ...(experiment === null
      ? {}
      : { experimentId: experiment.id, externalExperimentId: experiment.externalId }),
    ...kept('threadId', body.sessionId || null),
  }
}

/** Sets the columns of every type and clears those that do not apply, because a score may change its type. */
function valuePatch(
  dataType: ScoreDataType,
  sent: JsonText,
  config: ScoreConfigRow | undefined,
): FeedbackPatch {
  if (dataType === 'NUMERIC' || dataType === 'BOOLEAN') {
    const scoreNumber = Number(JSON.parse(sent))
    // LangSmith's clients expect a boolean to be `true` or `false`.
    const score = dataType === 'BOOLEAN' ? String(scoreNumber === 1) : sent
    return { score, scoreNumber, value: null, valueText: null, correction: null }
  }
  const content = storableText(JSON.parse(sent) as string)
  // `valueText` stays null: statistics count it as a label, which a correction is not.
  if (dataType === 'CORRECTION') {
    return { score: null, scoreNumber: null, value: sent, valueText: null, correction: sent }
  }
  const category = config?.categories.find(({ label }) => label === content) ?? null
  return {
    score: category === null ? null : String(category.value),
    scoreNumber: category?.value ?? null,
    value: sent,
    valueText: content,
    correction: null,
  }
}
