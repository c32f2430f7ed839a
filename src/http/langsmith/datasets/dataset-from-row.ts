import { RawJson, rawJson } from '../../../domain/raw-json.ts'
import type { CountedDataset, Dataset } from '../../../store/read/datasets/datasets.ts'
import { objectText } from '../object-text.ts'
import type { CountedDatasetAnswer, DatasetAnswer } from './dataset-answer.ts'

/** DatasetSchemaForUpdate: a dataset without counts (contracts/langsmith.md 2.3.1). */
export function datasetFromRow(tenantId: string, row: Dataset): DatasetAnswer {
  return {
    id: row.id,
    tenant_id: tenantId,
    name: row.name,
    description: row.description,
    data_type: row.dataType,
    created_at: row.createdAt,
    modified_at: row.updatedAt,
    inputs_schema_definition: rawJson(row.inputsSchema),
    outputs_schema_definition: rawJson(row.outputsSchema),
    transformations: rawJson(row.transformations),
    externally_managed: row.externallyManaged,
    // Langfuse's clients may store any JSON here.
    metadata: row.metadata === null ? null : new RawJson(objectText(row.metadata, 'metadata')),
    baseline_experiment_id: row.baselineExperimentId,
  }
}

/** Dataset: with its counts (contracts/langsmith.md 2.3.1). */
export function countedDatasetFromRow(tenantId: string, row: CountedDataset): CountedDatasetAnswer {
  return {
    ...datasetFromRow(tenantId, row),
    example_count: row.exampleCount,
    session_count: row.sessionCount,
    last_session_start_time: row.lastSessionStartTime,
  }
}
