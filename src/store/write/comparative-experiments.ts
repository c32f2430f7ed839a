import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import type { ComparativeExperiment } from '../read/comparison/comparative-experiments.ts'
import { runStatement } from '../statements.ts'

/** @returns null when the id is taken, or the dataset is gone */
export async function comparativeExperimentInsert(
  db: Queryable,
  tenantId: string,
  comparison: ComparativeExperiment,
): Promise<ComparativeExperiment | null> {
  const [row] = await runStatement<ComparativeExperiment>(db, 'comparative_experiment_insert', [
    tenantId,
    comparison.id,
    comparison.datasetId,
    comparison.experimentIds,
    comparison.name,
    comparison.description,
    comparison.extra,
    comparison.createdAt,
    comparison.updatedAt,
  ])
  return row ?? null
}

/**
 * Deletes a comparison with its feedback.
 * @returns false when there is none
 */
export async function comparativeExperimentDelete(
  db: Queryable,
  tenantId: string,
  id: string,
  now: Timestamp,
): Promise<boolean> {
  const gone = await runStatement(db, 'comparative_experiment_delete', [tenantId, id, now])
  return gone.length > 0
}
