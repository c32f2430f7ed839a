import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import type { ExperimentKey } from './ingest.ts'

/**
 * Recomputes the aggregates of one experiment from its rows (SPEC I10) and deletes its dirty marks. Marks that are
 * committed meanwhile stay, and cost one more refresh. For a deleted experiment it only deletes the marks.
 */
export async function experimentAggregateRefresh(
  db: Db,
  { tenantId, experimentId }: ExperimentKey,
): Promise<void> {
  await db.begin(async (transaction) => {
    const key = [tenantId, experimentId]
    const found = await runStatement(transaction, 'experiment_lock', key)
    await runStatement(transaction, 'experiment_dirty_mark_delete', key)
    if (found.length > 0) await runStatement(transaction, 'experiment_aggregate_upsert', key)
  })
}

/** Refreshes those of these experiments that are marked dirty, so that the reader sees every applied event. */
export async function experimentAggregateRefreshDirty(
  db: Db,
  tenantId: string,
  experimentIds: string[],
): Promise<void> {
  const dirty = await runStatement<{ id: string }>(db, 'experiment_dirty_mark_list_among', [
    tenantId,
    experimentIds,
  ])
  for (const { id } of dirty) await experimentAggregateRefresh(db, { tenantId, experimentId: id })
}

/**
 * Lists experiments with a dirty mark, of all tenants.
 * @param limit how many at most
 */
export async function experimentDirtyMarkList(db: Db, limit: number): Promise<ExperimentKey[]> {
  return runStatement<ExperimentKey>(db, 'experiment_dirty_mark_list', [limit])
}
