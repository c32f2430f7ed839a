import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import type { Page } from '../page.ts'
import type { ExperimentRow } from './experiment-row.ts'

/** Reads the experiments on a dataset, newest first. */
export async function experimentListOfDataset(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  { limit, offset }: Page,
): Promise<ExperimentRow[]> {
  return runStatement<ExperimentRow>(db, 'experiment_list_of_dataset', [
    tenantId,
    datasetId,
    limit,
    offset,
  ])
}

export async function experimentCountOfDataset(
  db: Queryable,
  tenantId: string,
  datasetId: string,
): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'experiment_count_of_dataset', [
    tenantId,
    datasetId,
  ])
  return row!.count
}

/** Finds the experiment that this name means on the dataset, by the rules of `experimentUpsertByName`. */
export async function experimentFindOfDataset(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  name: string,
): Promise<ExperimentRow | null> {
  const [row] = await runStatement<ExperimentRow>(db, 'experiment_find_of_dataset', [
    tenantId,
    datasetId,
    name,
  ])
  return row ?? null
}

/** What a dataset contains, by name only. */
export interface DatasetNames {
  datasetId: string
  /** The current examples in the client's spelling, without archived ones, newest first. */
  exampleIds: string[]
  /** Newest first. */
  experimentNames: string[]
}

export async function datasetListContents(
  db: Queryable,
  tenantId: string,
  datasetIds: string[],
): Promise<Map<string, DatasetNames>> {
  const rows = await runStatement<DatasetNames>(db, 'dataset_list_contents', [tenantId, datasetIds])
  return new Map(rows.map((row) => [row.datasetId, row]))
}
