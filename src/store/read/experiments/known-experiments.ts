import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

/**
 * Returns the datasets of those experiments that exist or were deleted; null for an experiment without a dataset.
 * Unknown experiments are not in the map.
 */
export async function experimentListKnown(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, string | null>> {
  const rows = await runStatement<{ id: string; datasetId: string | null }>(
    db,
    'experiment_list_known',
    [tenantId, ids],
  )
  return new Map(rows.map((row) => [row.id, row.datasetId]))
}
