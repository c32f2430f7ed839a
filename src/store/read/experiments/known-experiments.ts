import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export interface KnownExperiment {
  id: string
  /** null: it is not on a dataset. */
  datasetId: string | null
  /** null: it exists. */
  deletedAt: Timestamp | null
}

/** Returns those of the experiments that exist or were deleted, by id. */
export async function experimentListKnown(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, KnownExperiment>> {
  const rows = await runStatement<KnownExperiment>(db, 'experiment_list_known', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, row]))
}
