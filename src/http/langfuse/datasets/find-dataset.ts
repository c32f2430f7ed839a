import { type Dataset, datasetFindByName } from '../../../store/read/datasets/datasets.ts'
import type { Db } from '../../../store/pool.ts'
import { notFound } from '../errors.ts'

/** @throws LangfuseError 404 when there is no dataset of that name */
export async function findDataset(db: Db, tenantId: string, name: string): Promise<Dataset> {
  const dataset = await datasetFindByName(db, tenantId, name)
  if (dataset === null) throw notFound('Dataset not found')
  return dataset
}
