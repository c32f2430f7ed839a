import { RawJson } from '../../../domain/raw-json.ts'
import type {
  ComparativeExperiment,
  ListedComparison,
} from '../../../store/read/comparison/comparative-experiments.ts'
import type { ComparativeAnswer, ListedComparativeAnswer } from './comparative-answer.ts'

/** ComparativeExperimentBase (contracts/langsmith.md 2.8). */
export function comparativeFromRow(
  tenantId: string,
  row: ComparativeExperiment,
): ComparativeAnswer {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tenant_id: tenantId,
    created_at: row.createdAt,
    modified_at: row.updatedAt,
    reference_dataset_id: row.datasetId,
    extra: row.extra === null ? null : new RawJson(row.extra),
  }
}

/** ComparativeExperiment. */
export function listedComparativeFromRow(
  tenantId: string,
  row: ListedComparison,
): ListedComparativeAnswer {
  return {
    ...comparativeFromRow(tenantId, row),
    experiments_info: new RawJson(row.experimentsInfo),
    feedback_stats: new RawJson(row.feedbackStats),
  }
}
