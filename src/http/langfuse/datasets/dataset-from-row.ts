import { z } from 'zod'
import { rawJson } from '../../../domain/raw-json.ts'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import { mediaReference, type ItemRow } from '../media/media-references.ts'
import { shownJson, shownTime } from '../requests.ts'

export const datasetAnswer = z
  .object({
    id: z.string(),
    projectId: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    metadata: shownJson,
    inputSchema: shownJson,
    expectedOutputSchema: shownJson,
    createdAt: shownTime,
    updatedAt: shownTime,
  })
  .meta({ id: 'LangfuseDataset' })

/** Dataset (contracts/langfuse.md 2.3). */
export function datasetFromRow(tenantId: string, row: Dataset): z.output<typeof datasetAnswer> {
  return {
    id: datasetIdOf(row),
    projectId: tenantId,
    name: row.name,
    description: row.description,
    metadata: rawJson(row.metadata),
    inputSchema: rawJson(row.inputsSchema),
    expectedOutputSchema: rawJson(row.outputsSchema),
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt),
  }
}

export const datasetItemAnswer = z
  .object({
    id: z.string(),
    status: z.enum(['ACTIVE', 'ARCHIVED']),
    input: shownJson,
    expectedOutput: shownJson,
    metadata: shownJson,
    sourceTraceId: z.string().nullable(),
    sourceObservationId: z.string().nullable(),
    datasetId: z.string(),
    datasetName: z.string(),
    createdAt: shownTime,
    updatedAt: shownTime,
    mediaReferences: z.array(mediaReference),
  })
  .meta({ id: 'LangfuseDatasetItem' })

/** Dataset of v1, with the ids of its items and the names of its runs. */
export const datasetV1Answer = datasetAnswer.extend({
  items: z.array(z.string()),
  runs: z.array(z.string()),
})

/** Dataset item (contracts/langfuse.md 2.5). Both times are those of the version. */
export function datasetItemFromRow(
  dataset: Dataset,
  row: ItemRow,
): z.output<typeof datasetItemAnswer> {
  return {
    id: row.externalId ?? row.id,
    status: row.archived ? 'ARCHIVED' : 'ACTIVE',
    input: rawJson(row.inputs),
    expectedOutput: rawJson(row.outputs),
    metadata: rawJson(row.metadata),
    sourceTraceId: row.externalSourceTraceId ?? row.sourceTraceId,
    sourceObservationId: row.externalSourceRunId ?? row.sourceRunId,
    datasetId: datasetIdOf(dataset),
    datasetName: dataset.name,
    createdAt: toMillisecondIso(row.validFrom),
    updatedAt: toMillisecondIso(row.validFrom),
    mediaReferences: row.mediaReferences,
  }
}

export const datasetRunAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    metadata: shownJson,
    datasetId: z.string(),
    datasetName: z.string(),
    createdAt: shownTime,
    updatedAt: shownTime,
  })
  .meta({ id: 'LangfuseDatasetRun' })

/** Dataset run (contracts/langfuse.md 2.4). */
export function datasetRunFromRow(
  dataset: Dataset,
  row: ExperimentRow,
): z.output<typeof datasetRunAnswer> {
  return {
    id: row.externalId ?? row.id,
    name: row.name,
    description: row.description,
    metadata: rawJson(row.metadata),
    datasetId: datasetIdOf(dataset),
    datasetName: dataset.name,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt),
  }
}

function datasetIdOf(dataset: Dataset): string {
  return dataset.externalId ?? dataset.id
}
