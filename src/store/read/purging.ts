import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** An experiment that is deleted and not purged yet: its rows are not shown. */
export interface PurgingExperiment {
  id: string
  /** The feedback on the experiment itself stays. */
  keepsScores: boolean
}

/** Read before what it hides: a purge that ends in between has removed its rows. */
export async function experimentListPurging(
  db: Queryable,
  tenantId: string,
): Promise<PurgingExperiment[]> {
  return runStatement<PurgingExperiment>(db, 'experiment_list_purging', [tenantId])
}
