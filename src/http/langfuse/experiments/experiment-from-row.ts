import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type {
  ExecutionMetrics,
  ExperimentActivityRow,
} from '../../../store/read/experiments/experiment-activity.ts'
import type { ExperimentItemRow } from '../../../store/read/experiments/experiment-items.ts'
import type { ScoreRow } from '../../../store/read/feedback/scores.ts'
import { shownJson, shownObjectOrNull, shownTime } from '../requests.ts'
import { scoreV3Answer, scoreV3FromRow } from '../scores/score-from-row.ts'
import { storedJson, storedMetadata } from '../stored-json.ts'

/**
 * Groups of fields of an experiment. `metrics` is Runmill's own: Langfuse has no route for them
 * (contracts/langfuse.md 3.8).
 */
export const experimentGroups = ['core', 'metadata', 'scores', 'metrics'] as const

export type ExperimentGroup = (typeof experimentGroups)[number]

/** Scores and metrics of a row, when their group was asked for. */
export interface Companions {
  scores: readonly ScoreRow[]
  metrics: ExecutionMetrics | undefined
}

export const experimentAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    startTime: shownTime,
    endTime: shownTime,
    itemCount: z.int(),
    datasetId: z.string().nullable(),
    metadata: shownObjectOrNull.optional(),
    scores: z.array(scoreV3Answer).optional(),
    avgLatency: z.number().nullable().optional(),
    totalCost: z.number().optional(),
    avgTotalCost: z.number().optional(),
  })
  .meta({ id: 'LangfuseExperiment' })

/** Experiment (contracts/langfuse.md 2.11). */
export function experimentFromRow(
  tenantId: string,
  row: ExperimentActivityRow,
  groups: ReadonlySet<ExperimentGroup>,
  { scores, metrics }: Companions,
): z.output<typeof experimentAnswer> {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    startTime: toMillisecondIso(row.startTime),
    endTime: toMillisecondIso(row.endTime),
    itemCount: row.itemCount,
    datasetId: row.datasetId,
    ...(groups.has('metadata') ? { metadata: objectOf(row.metadata) } : {}),
    ...(groups.has('scores') ? { scores: scoresFromRows(tenantId, scores) } : {}),
    ...(groups.has('metrics')
      ? {
          avgLatency: metrics?.latency ?? null,
          totalCost: Number(metrics?.totalCost ?? 0),
          avgTotalCost: Number(metrics?.averageCost ?? 0),
        }
      : {}),
  }
}

export const experimentItemGroups = [
  'core',
  'dataset',
  'io',
  'metadata',
  'itemMetadata',
  'experimentMetadata',
  'scores',
  'metrics',
] as const

export type ExperimentItemGroup = (typeof experimentItemGroups)[number]

export const experimentItemAnswer = z
  .object({
    id: z.string(),
    traceId: z.string(),
    startTime: shownTime,
    endTime: shownTime.nullable(),
    level: z.string(),
    environment: z.string(),
    experimentId: z.string(),
    experimentName: z.string(),
    experimentItemId: z.string(),
    experimentDatasetId: z.string().nullable().optional(),
    experimentItemVersion: shownTime.nullable().optional(),
    input: shownJson.optional(),
    output: shownJson.optional(),
    expectedOutput: shownJson.optional(),
    metadata: z.record(z.string(), shownJson).optional(),
    experimentItemMetadata: shownObjectOrNull.optional(),
    experimentMetadata: shownObjectOrNull.optional(),
    experimentDescription: z.string().nullable().optional(),
    scores: z.array(scoreV3Answer).optional(),
    latency: z.number().nullable().optional(),
    totalCost: z.number().optional(),
  })
  .meta({ id: 'LangfuseExperimentItem' })

/** Experiment item: the run that executed an example (contracts/langfuse.md 2.11). */
export function experimentItemFromRow(
  tenantId: string,
  row: ExperimentItemRow,
  groups: ReadonlySet<ExperimentItemGroup>,
  { scores, metrics }: Companions,
): z.output<typeof experimentItemAnswer> {
  return {
    id: row.spanId,
    traceId: row.traceId,
    startTime: toMillisecondIso(row.startTime),
    endTime: row.endTime === null ? null : toMillisecondIso(row.endTime),
    level: row.level,
    environment: row.environment,
    experimentId: row.experimentId,
    experimentName: row.experimentName,
    experimentItemId: row.exampleId,
    ...(groups.has('dataset')
      ? {
          experimentDatasetId: row.datasetId,
          experimentItemVersion:
            row.exampleVersion === null ? null : toMillisecondIso(row.exampleVersion),
        }
      : {}),
    ...(groups.has('io')
      ? {
          input: storedJson(row.inputs),
          output: storedJson(row.outputs),
          expectedOutput: storedJson(row.expectedOutputs),
        }
      : {}),
    ...(groups.has('metadata') ? { metadata: storedMetadata(row.metadata) } : {}),
    ...(groups.has('itemMetadata')
      ? { experimentItemMetadata: objectOf(row.exampleMetadata) }
      : {}),
    ...(groups.has('experimentMetadata')
      ? {
          experimentMetadata: objectOf(row.experimentMetadata),
          experimentDescription: row.experimentDescription,
        }
      : {}),
    ...(groups.has('scores') ? { scores: scoresFromRows(tenantId, scores) } : {}),
    ...(groups.has('metrics')
      ? { latency: metrics?.latency ?? null, totalCost: Number(metrics?.totalCost ?? 0) }
      : {}),
  }
}

function scoresFromRows(tenantId: string, scores: readonly ScoreRow[]) {
  return scores.map((score) => scoreV3FromRow(tenantId, score, ['details', 'subject']))
}

/** The contract has an object here. Any other value that a client stored is wrapped as `{metadata: value}`. */
function objectOf(json: JsonText | null): RawJson | Record<string, RawJson> | null {
  if (json === null || json === 'null') return null
  const raw = new RawJson(json)
  return json.trimStart().startsWith('{') ? raw : { metadata: raw }
}
