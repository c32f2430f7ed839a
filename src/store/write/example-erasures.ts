import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { blobMarkInsertOfExamples } from './blob-marks.ts'
import { datasetLock } from './datasets.ts'
import { exampleDeleteManyWithin } from './examples.ts'

/**
 * Deletes examples and takes their content out of every version, for good. Their ids and times stay, so results of
 * experiments still know what they are about; no version lists them. Deleted examples can be erased too.
 * @returns the ids that exist in some version, all erased; null when one of them does not: then nothing is
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
    // Sorted by id, as in every transaction that locks several: no deadlock.
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
