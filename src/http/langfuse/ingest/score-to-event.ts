import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId, storableText } from '../../../domain/ids.ts'
import type { ScoreConfigRow } from '../../../store/read/feedback/score-configs.ts'
import { invalidRequest } from '../errors.ts'
import { clearable, kept, metadataPatch, type EventOrigin } from './payload-patch.ts'
import { expectedValue, type ScoreBody, type ScoreDataType } from './score-body.ts'
import { environmentPatch } from './trace-to-event.ts'

type FeedbackPatch = EventOf<'feedback'>['patch']

/** All corrections have this name. */
const correctionName = 'output'

/**
 * A score as feedback, by the rules of contracts/langfuse.md 2.6 and 3.2. What it is about need not exist.
 * @param id what the client calls the score
 * @param members JSON text per field of the body
 * @param config the one that the body names; undefined when there is none of that id
 * @throws LangfuseError 400 when the score does not obey its config
 */
export function scoreToEvent(
  id: string,
  body: ScoreBody,
  members: ReadonlyMap<string, JsonText>,
  config: ScoreConfigRow | undefined,
  origin: EventOrigin,
): EventOf<'feedback'> {
  if (body.configId) checkConfig(body, config)
  const dataType = dataTypeOf(body, config)
  return {
    kind: 'feedback',
    ...resolveId('feedback', id),
    version: eventVersion(origin.rank, origin.time, origin.content),
    patch: {
      ...subjectPatch(body),
      key: dataType === 'CORRECTION' ? correctionName : (config?.name ?? body.name),
      dataType,
      ...valuePatch(dataType, members.get('value')!, config),
      ...clearable('comment', body.comment),
      ...clearable('configId', config?.id ?? body.configId),
      ...clearable('queueId', body.queueId),
      sourceType: (body.source ?? 'API').toLowerCase(),
      source: null,
      ...environmentPatch(body.environment),
      ...metadataPatch(members),
      timestamp: origin.time,
      createdAt: origin.now,
      updatedAt: origin.now,
    },
  }
}

/** The type that is given, or that of the config, or that of the value. */
function dataTypeOf(
  { dataType, value }: ScoreBody,
  config: ScoreConfigRow | undefined,
): ScoreDataType {
  if (dataType !== undefined) return dataType
  if (config !== undefined) return config.dataType
  if (typeof value === 'boolean') return 'BOOLEAN'
  return typeof value === 'number' ? 'NUMERIC' : 'CATEGORICAL'
}

/** DESIGN 8: refused, where Langfuse drops it later without a word. */
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

/** Numbers are set with strings, always: a score may change its type. */
function valuePatch(
  dataType: ScoreDataType,
  sent: JsonText,
  config: ScoreConfigRow | undefined,
): FeedbackPatch {
  if (dataType === 'NUMERIC' || dataType === 'BOOLEAN') {
    const scoreNumber = Number(JSON.parse(sent))
    // LangSmith reads a boolean as true or false.
    const score = dataType === 'BOOLEAN' ? String(scoreNumber === 1) : sent
    return { score, scoreNumber, value: null, valueText: null, correction: null }
  }
  const content = storableText(JSON.parse(sent) as string)
  // A correction is no label: statistics do not count it.
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
