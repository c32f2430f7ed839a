import type { Timestamp } from '../../domain/timestamp.ts'
import { isUniqueViolation } from '../errors.ts'
import type { Db, Queryable } from '../pool.ts'
import { datasetFind, datasetFindByName, type Dataset } from '../read/datasets/datasets.ts'
import type { ExperimentRow } from '../read/experiments/experiment-row.ts'
import { datasetInsertWithin, type NewDataset } from './datasets.ts'
import { exampleWriteVersionsWithin, type ExamplePlan } from './examples.ts'
import { experimentInsertWithin, type NewExperiment } from './experiments.ts'
import { tenantLock } from './tenants/tenants.ts'

/** An experiment that was run elsewhere. */
export interface ExperimentUpload {
  tenantId: string
  /** The dataset is the one of this id, or, when this is null, the one of this name. */
  datasetId: string | null
  datasetName: string | null
  /** Made when there is no such dataset. null: then there is nothing to upload to. */
  newDataset: NewDataset | null
  /** The experiment, whose dataset is the one that is found or made. */
  experiment: Omit<NewExperiment, 'tenantId' | 'datasetId' | 'now'>
  /**
   * Plans the examples that the dataset must have, once it is known which dataset that is. A throw writes nothing.
   */
  planExamples(dataset: Dataset): { ids: string[]; plan: ExamplePlan }
  now: Timestamp
}

/**
 * Stores an experiment that was run elsewhere, with its dataset and examples.
 * @returns what is in the way (no such dataset, or names or ids that are taken); then nothing was written
 */
export async function experimentUpload(
  db: Db,
  upload: ExperimentUpload,
): Promise<
  { dataset: Dataset; experiment: ExperimentRow } | 'no dataset' | 'dataset' | 'experiment'
> {
  const attempt = async () => db.begin(async (transaction) => write(transaction, upload))
  try {
    // Another dataset may take one of the example ids meanwhile. The second time, the plan sees it.
    return await attempt().catch(async (error: unknown) => {
      if (isUniqueViolation(error)) return attempt()
      throw error
    })
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

async function write(
  transaction: Queryable,
  { tenantId, datasetId, datasetName, newDataset, planExamples, now, ...upload }: ExperimentUpload,
): Promise<{ dataset: Dataset; experiment: ExperimentRow }> {
  // The first of all locks, as everywhere: nobody else makes datasets or experiments meanwhile.
  await tenantLock(transaction, tenantId)
  const found =
    datasetId === null
      ? await datasetFindByName(transaction, tenantId, datasetName ?? '')
      : await datasetFind(transaction, tenantId, datasetId)
  if (found === null && newDataset === null) throw new Refusal('no dataset')
  const dataset =
    found ?? (await datasetInsertWithin(transaction, tenantId, newDataset as NewDataset, now))
  if (dataset === null) throw new Refusal('dataset')
  const experiment = await experimentInsertWithin(
    transaction,
    { ...upload.experiment, tenantId, datasetId: dataset.id, now },
    false,
  )
  if (experiment === null) throw new Refusal('experiment')
  const { ids, plan } = planExamples(dataset)
  const examples = { tenantId, datasetId: dataset.id, ids, now }
  const written = await exampleWriteVersionsWithin(transaction, examples, plan)
  // The dataset was deleted after it was found and before it was locked.
  if (written === null) throw new Refusal('no dataset')
  return { dataset, experiment }
}

/** Thrown to undo the transaction. */
class Refusal extends Error {
  readonly reason: 'no dataset' | 'dataset' | 'experiment'
  constructor(reason: 'no dataset' | 'dataset' | 'experiment') {
    super(reason)
    this.reason = reason
  }
}
