import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import type { ScoreRow } from '../../../store/read/feedback/scores.ts'
import { scoreDataTypes } from '../ingest/score-body.ts'
import { shownJson, shownTime } from '../requests.ts'
import { storedMetadata } from '../stored-json.ts'

/** Langfuse's names of the sources of scores. */
export const scoreSources = ['API', 'ANNOTATION', 'EVAL'] as const

type ScoreSource = (typeof scoreSources)[number]

export const scoreAnswer = z
  .object({
    id: z.string(),
    projectId: z.string(),
    environment: z.string(),
    name: z.string(),
    value: z.number().optional(),
    source: z.enum(scoreSources),
    authorUserId: z.null(),
    comment: z.string().nullable(),
    metadata: z.record(z.string(), shownJson),
    configId: z.string().nullable(),
    queueId: z.string().nullable(),
    executionTraceId: z.null(),
    createdAt: shownTime,
    updatedAt: shownTime,
    timestamp: shownTime,
    traceId: z.string().nullable(),
    observationId: z.string().nullable(),
    sessionId: z.string().nullable(),
    datasetRunId: z.string().nullable(),
    stringValue: z.string().nullable(),
    dataType: z.enum(scoreDataTypes),
  })
  .meta({ id: 'LangfuseScore' })

/** Score of v1 and v2 (contracts/langfuse.md 2.6.2, 2.16). */
export function scoreFromRow(tenantId: string, row: ScoreRow): z.output<typeof scoreAnswer> {
  return {
    id: scoreIdOf(row),
    projectId: tenantId,
    environment: row.environment,
    name: row.key,
    // Scores of type TEXT have no `value`, not even null.
    ...(row.dataType === 'TEXT' ? {} : { value: numberOf(row) }),
    source: sourceOf(row.sourceType),
    authorUserId: null,
    comment: row.comment,
    metadata: storedMetadata(row.metadata),
    configId: row.configId,
    queueId: row.queueId,
    executionTraceId: null,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt ?? row.createdAt),
    timestamp: toMillisecondIso(row.timestamp),
    traceId: row.externalTraceId ?? row.traceId,
    observationId: row.externalRunId ?? row.runId,
    sessionId: row.threadId,
    datasetRunId: row.externalExperimentId ?? row.experimentId,
    stringValue: stringOf(row),
    dataType: row.dataType,
  }
}

export const scoreTraceAnswer = z
  .object({
    userId: z.string().nullable(),
    tags: z.array(z.string()),
    environment: z.string(),
    sessionId: z.string().nullable(),
  })
  .nullable()

/** The trace of a score, as v2 shows it; null when the trace has not arrived, or the score has none. */
export function scoreTraceFromRow(row: ScoreRow): z.output<typeof scoreTraceAnswer> {
  if (!row.hasTrace) return null
  return {
    userId: row.traceUserId,
    tags: row.traceTags ?? [],
    environment: row.traceEnvironment ?? defaultEnvironment,
    sessionId: row.traceThreadId,
  }
}

/** Groups of fields of v3. The core is always answered, the others only when they are asked for. */
export const scoreFieldGroups = ['core', 'details', 'subject', 'annotation'] as const

export type ScoreFieldGroup = (typeof scoreFieldGroups)[number]

const subject = z.object({
  kind: z.enum(['observation', 'trace', 'session', 'experiment']),
  id: z.string().nullable(),
  /** Only of an observation. */
  traceId: z.string().nullable().optional(),
})

export const scoreV3Answer = z
  .object({
    id: z.string(),
    projectId: z.string(),
    name: z.string(),
    value: z.union([z.number(), z.boolean(), z.string()]),
    dataType: z.enum(scoreDataTypes),
    source: z.enum(scoreSources),
    timestamp: shownTime,
    environment: z.string(),
    createdAt: shownTime,
    updatedAt: shownTime,
    comment: z.string().nullable().optional(),
    configId: z.string().nullable().optional(),
    metadata: z.record(z.string(), shownJson).optional(),
    subject: subject.optional(),
    authorUserId: z.null().optional(),
    queueId: z.string().nullable().optional(),
  })
  .meta({ id: 'LangfuseScoreV3' })

/** Score of v3: a single `value`, whose type is that of the score (contracts/langfuse.md 2.6.3). */
export function scoreV3FromRow(
  tenantId: string,
  row: ScoreRow,
  fields: readonly ScoreFieldGroup[],
): z.output<typeof scoreV3Answer> {
  return {
    id: scoreIdOf(row),
    projectId: tenantId,
    name: row.key,
    value: typedValueOf(row),
    dataType: row.dataType,
    source: sourceOf(row.sourceType),
    timestamp: toMillisecondIso(row.timestamp),
    environment: row.environment,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt ?? row.createdAt),
    ...(fields.includes('details')
      ? { comment: row.comment, configId: row.configId, metadata: storedMetadata(row.metadata) }
      : {}),
    ...(fields.includes('subject') ? { subject: subjectOf(row) } : {}),
    ...(fields.includes('annotation') ? { authorUserId: null, queueId: row.queueId } : {}),
  }
}

function scoreIdOf(row: ScoreRow): string {
  return row.externalId ?? row.id
}

/** Langfuse's name for each stored source, including LangSmith's: a person in the application, or an evaluator. */
const sources: Readonly<Record<string, ScoreSource>> = {
  annotation: 'ANNOTATION',
  app: 'ANNOTATION',
  eval: 'EVAL',
  model: 'EVAL',
  auto_eval: 'EVAL',
}

function sourceOf(sourceType: string | null): ScoreSource {
  return sources[sourceType ?? ''] ?? 'API'
}

/** The stored sources that have one of Langfuse's names. */
export function sourceTypesOf(names: readonly string[]): string[] {
  const stored = Object.keys(sources).filter((type) => names.includes(sources[type]!))
  return names.includes('API') ? [...stored, 'api'] : stored
}

/** A label that has no number counts 0. */
function numberOf(row: ScoreRow): number {
  return row.scoreNumber ?? 0
}

function stringOf(row: ScoreRow): string | null {
  switch (row.dataType) {
    case 'NUMERIC':
      return null
    case 'BOOLEAN':
      return numberOf(row) === 0 ? 'False' : 'True'
    case 'CATEGORICAL':
    case 'TEXT':
    case 'CORRECTION':
      return row.valueText ?? plainOf(row) ?? row.comment ?? ''
  }
}

/** The value as text; LangSmith's clients may store any JSON. */
function plainOf({ value }: ScoreRow): string | null {
  if (value === null || value === 'null') return null
  return value.startsWith('"') ? (JSON.parse(value) as string) : value
}

function typedValueOf(row: ScoreRow): number | boolean | string {
  if (row.dataType === 'NUMERIC') return numberOf(row)
  if (row.dataType === 'BOOLEAN') return numberOf(row) !== 0
  return stringOf(row) ?? ''
}

function subjectOf(row: ScoreRow): z.output<typeof subject> {
  const traceId = row.externalTraceId ?? row.traceId
  if (row.runId !== null) {
    return { kind: 'observation', id: row.externalRunId ?? row.runId, traceId }
  }
  if (traceId !== null) return { kind: 'trace', id: traceId }
  if (row.threadId !== null) return { kind: 'session', id: row.threadId }
  return { kind: 'experiment', id: row.externalExperimentId ?? row.experimentId }
}
