import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { RunItemRow } from '../../../store/read/experiments/run-items.ts'
import { shownTime } from '../requests.ts'

export const datasetRunItemAnswer = z
  .object({
    id: z.string(),
    datasetRunId: z.string(),
    datasetRunName: z.string(),
    datasetItemId: z.string(),
    traceId: z.string(),
    observationId: z.string().nullable(),
    createdAt: shownTime,
    updatedAt: shownTime,
  })
  .meta({ id: 'LangfuseDatasetRunItem' })

/** Dataset run item (contracts/langfuse.md 2.1). */
export function datasetRunItemFromRow(row: RunItemRow): z.output<typeof datasetRunItemAnswer> {
  const createdAt = toMillisecondIso(row.createdAt)
  return {
    id: row.externalId ?? row.id,
    datasetRunId: row.externalExperimentId ?? row.experimentId,
    datasetRunName: row.experimentName,
    datasetItemId: row.externalExampleId ?? row.exampleId,
    traceId: row.externalTraceId ?? row.traceId,
    observationId: row.externalRunId ?? row.runId,
    createdAt,
    updatedAt: createdAt,
  }
}
