import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * Gives a tag to a version of a dataset, and takes it from any other version.
 * @returns false when there is no such dataset
 */
export async function datasetTagUpsert(
  db: Queryable,
  { tenantId, datasetId, tag }: { tenantId: string; datasetId: string; tag: string },
  version: Timestamp,
  now: Timestamp,
): Promise<boolean> {
  const parameters = [tenantId, datasetId, tag, version, now]
  return (await runStatement(db, 'dataset_tag_upsert', parameters)).length > 0
}
