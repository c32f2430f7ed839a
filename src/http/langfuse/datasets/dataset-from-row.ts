import { rawJson } from '../../../domain/json.ts'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiments.ts'
import type { RunItemRow } from '../../../store/read/experiments/run-items.ts'
import type { ItemRow } from '../media/media-references.ts'

/** Dataset (contracts/langfuse.md 2.3). */
export function datasetFromRow(tenantId: string, row: Dataset): Record<string, unknown> {
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

/** Dataset item (contracts/langfuse.md 2.5). Both times are those of the version. */
export function datasetItemFromRow(dataset: Dataset, row: ItemRow): Record<string, unknown> {
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

/** Dataset run (contracts/langfuse.md 2.4). */
export function datasetRunFromRow(dataset: Dataset, row: ExperimentRow): Record<string, unknown> {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    metadata: rawJson(row.metadata),
    datasetId: datasetIdOf(dataset),
    datasetName: dataset.name,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt),
  }
}

/** Dataset run item (contracts/langfuse.md 2.1). */
export function datasetRunItemFromRow(row: RunItemRow): Record<string, unknown> {
  const createdAt = toMillisecondIso(row.createdAt)
  return {
    id: row.id,
    datasetRunId: row.experimentId,
    datasetRunName: row.experimentName,
    datasetItemId: row.externalExampleId ?? row.exampleId,
    traceId: row.externalTraceId ?? row.traceId,
    observationId: row.externalRunId ?? row.runId,
    createdAt,
    updatedAt: createdAt,
  }
}

function datasetIdOf(dataset: Dataset): string {
  return dataset.externalId ?? dataset.id
}
