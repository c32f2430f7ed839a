import { toMillisecondIso } from '../../../domain/timestamp.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import type { ScoreRow } from '../../../store/read/feedback/scores.ts'
import { storedMetadata } from '../stored-json.ts'

/** Score of v1 and v2 (contracts/langfuse.md 2.6.2, 2.16). */
export function scoreFromRow(tenantId: string, row: ScoreRow): Record<string, unknown> {
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

/** The trace of a score, as v2 shows it; null when the trace has not arrived, or the score has none. */
export function scoreTraceFromRow(row: ScoreRow): Record<string, unknown> | null {
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

/** Score of v3: a single `value`, whose type is that of the score (contracts/langfuse.md 2.6.3). */
export function scoreV3FromRow(
  tenantId: string,
  row: ScoreRow,
  fields: readonly ScoreFieldGroup[],
): Record<string, unknown> {
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
const sources: Readonly<Record<string, string>> = {
  annotation: 'ANNOTATION',
  app: 'ANNOTATION',
  eval: 'EVAL',
  model: 'EVAL',
  auto_eval: 'EVAL',
}

function sourceOf(sourceType: string | null): string {
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

function subjectOf(row: ScoreRow): Record<string, unknown> {
  const traceId = row.externalTraceId ?? row.traceId
  if (row.runId !== null) {
    return { kind: 'observation', id: row.externalRunId ?? row.runId, traceId }
  }
  if (traceId !== null) return { kind: 'trace', id: traceId }
  if (row.threadId !== null) return { kind: 'session', id: row.threadId }
  return { kind: 'experiment', id: row.externalExperimentId ?? row.experimentId }
}
