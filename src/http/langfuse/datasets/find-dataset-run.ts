import { experimentFindOfDataset } from '../../../store/read/experiments/dataset-experiments.ts'
import { type Dataset, datasetFindByName } from '../../../store/read/datasets/datasets.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiments.ts'
import type { Db } from '../../../store/pool.ts'
import { notFound } from '../errors.ts'

/** @throws LangfuseError 404 when there is no such run, or no such dataset */
export async function findDatasetRun(
  db: Db,
  tenantId: string,
  datasetName: string,
  runName: string,
): Promise<{ dataset: Dataset; run: ExperimentRow }> {
  const dataset = await datasetFindByName(db, tenantId, datasetName)
  const run = dataset && (await experimentFindOfDataset(db, tenantId, dataset.id, runName))
  if (dataset === null || run === null) throw notFound('Dataset run not found')
  return { dataset, run }
}
