import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { blobMarkInsertOfExamples } from './blobs/blob-marks.ts'
import { datasetLock } from './datasets.ts'
import { exampleDeleteManyWithin } from './examples.ts'

/**
 * Deletes examples and removes their content from every version, for good. Their ids and times stay, so that the
 * results of experiments still know which example they are about, but no version lists them. Deleted examples can be
 * erased too.
 * @returns the ids, all of which exist in some version and are erased; null when one of them exists in none: then
 * nothing is erased
 */
export async function exampleEraseMany(
  db: Db,
  { tenantId, ids, now }: { tenantId: string; ids: string[]; now: Timestamp },
): Promise<string[] | null> {
  return db.begin(async (transaction) => {
    const datasets = await runStatement<{ datasetId: string; ids: string[] }>(
      transaction,
      'example_list_datasets',
      [tenantId, ids],
    )
    const known = new Set(datasets.flatMap((dataset) => dataset.ids))
    if (ids.some((id) => !known.has(id))) return null
    // By id, as in every transaction that locks several datasets, which rules out deadlocks.
    for (const { datasetId } of datasets) await datasetLock(transaction, tenantId, datasetId)
    await exampleDeleteManyWithin(transaction, { tenantId, ids, now })
    await blobMarkInsertOfExamples(transaction, tenantId, ids, now)
    const erased = await runStatement<{ id: string }>(transaction, 'example_update_erased', [
      tenantId,
      ids,
    ])
    return erased.map(({ id }) => id)
  })
}
