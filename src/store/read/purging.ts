import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** An experiment that is deleted but not yet purged. Its rows are not shown. */
export interface PurgingExperiment {
  id: string
  /** True when the feedback on the experiment itself is kept. */
  keepsScores: boolean
}

/**
 * Lists the experiments that are being purged. Call this before reading the rows that they hide: a purge that ends in
 * between has removed its rows.
 */
export async function experimentListPurging(
  db: Queryable,
  tenantId: string,
): Promise<PurgingExperiment[]> {
  return runStatement<PurgingExperiment>(db, 'experiment_list_purging', [tenantId])
}
