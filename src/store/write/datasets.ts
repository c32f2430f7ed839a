import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import { datasetFindByName, type Dataset } from '../read/datasets/datasets.ts'
import type { Example } from '../read/datasets/example.ts'
import { exampleListCurrentAfter } from '../read/datasets/examples.ts'
import { runStatement } from '../statements.ts'
import { blobMarkInsertOfDataset } from './blobs/blob-marks.ts'
import { shareDelete } from './shares.ts'
import { tenantLock } from './tenants/tenants.ts'

/**
 * The content of a new dataset. `metadata` must be fit for `jsonb` (see `jsonbText`), texts for Postgres
 * (`storableText`).
 */
export interface NewDataset {
  id: string
  externalId: string | null
  name: string
  description: string | null
  dataType?: string
  metadata: JsonText | null
  inputsSchema: JsonText | null
  outputsSchema: JsonText | null
  transformations?: JsonText | null
  externallyManaged?: boolean
  /** Absent: now, but strictly later than the tenant's newest dataset. */
  createdAt?: Timestamp | null
}

/** A dataset as Langfuse's clients create it, by name. */
export interface NamedDataset
  extends Pick<NewDataset, 'id' | 'externalId' | 'name' | 'description' | 'metadata'>,
    Pick<DatasetPatch, 'inputsSchema' | 'outputsSchema'> {}

/** An absent field keeps what is stored; null clears it. */
export interface DatasetPatch {
  name?: string
  description?: string | null
  dataType?: string
  metadata?: JsonText | null
  inputsSchema?: JsonText | null
  outputsSchema?: JsonText | null
  transformations?: JsonText | null
  baselineExperimentId?: string | null
}

/**
 * Checks the current examples of a dataset before its schemas change. It is called with page after page; the last
 * page is empty. A throw keeps the dataset as it was.
 */
export type ExamplesCheck = (examples: Example[]) => void

/**
 * Makes a dataset.
 * @param after runs in the same transaction once the dataset is made; a throw undoes everything
 * @returns null when the name or the id is taken, perhaps by the same request when it was sent before
 */
export async function datasetInsert(
  db: Db,
  tenantId: string,
  dataset: NewDataset,
  now: Timestamp,
  after: (transaction: Queryable, made: Dataset) => Promise<void> = async () => {},
): Promise<Dataset | null> {
  return db.begin(async (transaction) => {
    const made = await datasetInsertWithin(transaction, tenantId, dataset, now)
    if (made !== null) await after(transaction, made)
    return made
  })
}

/**
 * Makes a dataset, or changes the one of that name, as Langfuse's POST does (contracts/langfuse.md 2.3). In a change,
 * null keeps description and metadata; an absent schema is kept, and a schema of null is cleared.
 * @param dataset its `id` is used for a new dataset only
 * @param check called with pages of the current examples when a schema is given; a throw undoes everything
 */
export async function datasetUpsertByName(
  db: Db,
  tenantId: string,
  { inputsSchema, outputsSchema, ...dataset }: NamedDataset,
  now: Timestamp,
  check: ExamplesCheck,
): Promise<Dataset> {
  const { name, description, metadata } = dataset
  const patch: DatasetPatch = {
    ...(description === null ? {} : { description }),
    ...(metadata === null ? {} : { metadata }),
    ...(inputsSchema === undefined ? {} : { inputsSchema }),
    ...(outputsSchema === undefined ? {} : { outputsSchema }),
  }
  const schemas = { inputsSchema: inputsSchema ?? null, outputsSchema: outputsSchema ?? null }
  return db.begin(async (transaction) => {
    for (;;) {
      const made = await datasetInsertWithin(transaction, tenantId, { ...dataset, ...schemas }, now)
      if (made !== null) return made
      const found = await datasetFindByName(transaction, tenantId, name)
      const updated = found && (await update(transaction, tenantId, found.id, patch, now, check))
      if (updated !== null) return updated
      // The dataset that had the name is deleted by now, so the name is free.
    }
  })
}

/**
 * Changes the fields that the patch names (LangSmith's PATCH).
 * @param check called with pages of the current examples when a schema is given; a throw undoes everything
 * @param before runs in the same transaction, before the check
 * @returns null when there is no such dataset
 * @throws the driver's unique violation (`isUniqueViolation`) when the name is taken
 */
export async function datasetUpdate(
  db: Db,
  tenantId: string,
  id: string,
  patch: DatasetPatch,
  now: Timestamp,
  check: ExamplesCheck = () => {},
  before: (transaction: Queryable) => Promise<void> = async () => {},
): Promise<Dataset | null> {
  return db.begin(async (transaction) => {
    await before(transaction)
    return update(transaction, tenantId, id, patch, now, check)
  })
}

/** What remains to be purged after a dataset is deleted. */
export interface DatasetDeleted {
  /** The experiments that were deleted with the dataset. The caller nudges their purge. */
  experimentIds: string[]
}

/**
 * Deletes a dataset, all versions of its examples, and its experiments. The name is free at once.
 * @returns null when there is no such dataset
 */
export async function datasetDelete(
  db: Db,
  tenantId: string,
  id: string,
  now: Timestamp,
): Promise<DatasetDeleted | null> {
  return db.begin(async (transaction) => {
    if ((await datasetLock(transaction, tenantId, id)) === null) return null
    const gone = await runStatement<{ id: string }>(transaction, 'experiment_delete_of_dataset', [
      tenantId,
      id,
      now,
    ])
    await blobMarkInsertOfDataset(transaction, tenantId, id, now)
    await runStatement(transaction, 'dataset_delete', [tenantId, id])
    // Otherwise whoever has the token could read a later dataset of this id.
    await shareDelete(transaction, tenantId, 'dataset', id)
    return { experimentIds: gone.map((experiment) => experiment.id) }
  })
}

/** Locks a dataset: other writers of it and of its examples wait until the transaction ends. */
export async function datasetLock(
  transaction: Queryable,
  tenantId: string,
  id: string,
): Promise<Dataset | null> {
  const [dataset] = await runStatement<Dataset>(transaction, 'dataset_lock', [tenantId, id])
  return dataset ?? null
}

/** Makes a dataset inside the caller's transaction; see `datasetInsert`. */
export async function datasetInsertWithin(
  transaction: Queryable,
  tenantId: string,
  dataset: NewDataset,
  now: Timestamp,
): Promise<Dataset | null> {
  await tenantLock(transaction, tenantId)
  const [made] = await runStatement<Dataset>(transaction, 'dataset_insert', [
    tenantId,
    dataset.id,
    dataset.externalId,
    dataset.name,
    dataset.description,
    dataset.dataType ?? 'kv',
    dataset.metadata,
    dataset.inputsSchema,
    dataset.outputsSchema,
    dataset.transformations ?? null,
    dataset.externallyManaged ?? false,
    dataset.createdAt ?? null,
    now,
  ])
  return made ?? null
}

const patchColumns: Record<keyof DatasetPatch, string> = {
  name: 'name',
  description: 'description',
  dataType: 'data_type',
  metadata: 'metadata',
  inputsSchema: 'inputs_schema',
  outputsSchema: 'outputs_schema',
  transformations: 'transformations',
  baselineExperimentId: 'baseline_experiment_id',
}

async function update(
  transaction: Queryable,
  tenantId: string,
  id: string,
  patch: DatasetPatch,
  now: Timestamp,
  check: ExamplesCheck,
): Promise<Dataset | null> {
  if ((await datasetLock(transaction, tenantId, id)) === null) return null
  // `!= null` on purpose: a schema that is cleared forbids nothing, so there is nothing to check.
  if (patch.inputsSchema != null || patch.outputsSchema != null) {
    await checkExamples(transaction, tenantId, id, check)
  }
  const keys = Object.keys(patchColumns) as (keyof DatasetPatch)[]
  const [updated] = await runStatement<Dataset>(transaction, 'dataset_update', [
    tenantId,
    id,
    keys.filter((key) => patch[key] !== undefined).map((key) => patchColumns[key]),
    ...keys.map((key) => patch[key] ?? null),
    now,
  ])
  return updated ?? null
}

/** How many examples are checked at once: payloads may be large. */
const checkPage = 200

async function checkExamples(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  check: ExamplesCheck,
): Promise<void> {
  let after: string | null = null
  for (;;) {
    const page: Example[] = await exampleListCurrentAfter(
      transaction,
      tenantId,
      datasetId,
      after,
      checkPage,
    )
    check(page)
    if (page.length === 0) return
    after = page.at(-1)!.id
  }
}
