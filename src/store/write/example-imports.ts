import sql from 'sql-template-tag'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import type { Dataset } from '../read/datasets/datasets.ts'
import type { Example, ExampleMoment } from '../read/datasets/example.ts'
import {
  exampleConditionsSql,
  exampleCount,
  exampleList,
  type ExampleFilter,
  type ExampleQuery,
} from '../read/datasets/examples.ts'
import { runComposed, tenant } from '../statements.ts'
import { datasetLock } from './datasets.ts'
import { datasetUpdateVersion, exampleInsertMany, type ExampleVersion } from './examples.ts'

/** The dataset that new examples are added to. */
export interface ExampleImport {
  tenantId: string
  datasetId: string
  now: Timestamp
}

/**
 * Checks a batch; a throw undoes everything.
 * @param firstIndex the position of the batch's first example among all examples of the import
 */
export type ImportCheck = (dataset: Dataset, batch: ExampleVersion[], firstIndex: number) => void

/**
 * Adds any number of new examples to a dataset as one version, batch by batch, in the order given.
 * @param batches read while the dataset is locked, so they must not wait for a client; a throw undoes everything
 * @param check called with each batch before it is written
 * @returns null when there is no such dataset
 */
export async function exampleImport(
  db: Db,
  to: ExampleImport,
  batches: AsyncIterable<ExampleVersion[]>,
  check: ImportCheck,
): Promise<Imported | null> {
  return db.begin(async (transaction) => exampleImportWithin(transaction, to, batches, check))
}

/** What an import has added. */
export interface Imported {
  version: Timestamp
  count: number
}

/** Imports examples inside the caller's transaction; see `exampleImport`. */
export async function exampleImportWithin(
  transaction: Queryable,
  { tenantId, datasetId, now }: ExampleImport,
  batches: AsyncIterable<ExampleVersion[]>,
  check: ImportCheck,
): Promise<Imported | null> {
  const dataset = await datasetLock(transaction, tenantId, datasetId)
  if (dataset === null) return null
  const version = await datasetUpdateVersion(transaction, tenantId, datasetId, [], now)
  let count = 0
  for await (const batch of batches) {
    check(dataset, batch, count)
    const first = count
    const rows = batch.map((example, i) => ({
      ...example,
      datasetId,
      validFrom: version,
      createdAt: example.createdAt ?? version,
      attachments: example.attachments ?? null,
      ordinal: first + i,
    }))
    await exampleInsertMany(transaction, tenantId, datasetId, version, rows)
    count += batch.length
  }
  return { version, count }
}

/** Which examples are copied, from which dataset to which. */
export interface ExampleClone {
  tenantId: string
  sourceDatasetId: string
  targetDatasetId: string
  filter: Omit<ExampleFilter, 'datasetId'>
  asOf: ExampleMoment
  now: Timestamp
}

/** How many examples are checked at once: payloads may be large. */
const checkPage = 200

/**
 * Copies examples into a dataset as one version, under new ids, with their splits and sources.
 * @param check called with pages of the examples to copy when the target has schemas; a throw undoes everything
 * @returns the version of the copies, which is null when there was nothing to copy; null when one of the datasets
 * does not exist
 */
export async function exampleClone(
  db: Db,
  { tenantId, sourceDatasetId, targetDatasetId, filter: conditions, asOf, now }: ExampleClone,
  check: (target: Dataset, page: Example[]) => void,
): Promise<{ version: Timestamp | null } | null> {
  const filter = { ...conditions, datasetId: sourceDatasetId }
  return db.begin(async (transaction) => {
    // Locks the source too, so that what is checked is what is copied. By id, as in every transaction that locks
    // several datasets.
    const locked = new Map<string, Dataset | null>()
    for (const id of [sourceDatasetId, targetDatasetId].toSorted()) {
      locked.set(id, await datasetLock(transaction, tenantId, id))
    }
    const target = locked.get(targetDatasetId) ?? null
    if (target === null || locked.get(sourceDatasetId) === null) return null
    if (target.inputsSchema !== null || target.outputsSchema !== null) {
      let after: Example | null = null
      for (;;) {
        const query = { tenantId, filter, asOf, after, limit: checkPage, offset: 0 }
        const page: Example[] = await exampleList(transaction, query)
        if (page.length === 0) break
        check(target, page)
        after = page.at(-1)!
      }
    }
    if ((await exampleCount(transaction, { tenantId, filter, asOf })) === 0)
      return { version: null }
    const version = await datasetUpdateVersion(transaction, tenantId, targetDatasetId, [], now)
    await exampleInsertCopies(transaction, { tenantId, filter, asOf }, targetDatasetId, version)
    return { version }
  })
}

async function exampleInsertCopies(
  transaction: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
  targetDatasetId: string,
  version: Timestamp,
): Promise<void> {
  const time = sql`${version}::timestamptz`
  const statement = sql`
-- name: example_insert_copies
-- Copies the examples that meet a filter, as of a moment, into a dataset as one version, under new ids. A repeat makes
-- further copies.
insert into examples (
  tenant_id, dataset_id, id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, source_trace_id,
  external_source_trace_id, source_run_id, external_source_run_id, attachments
)
select ${tenant}::uuid, ${targetDatasetId}::uuid, gen_random_uuid(), ${time}, ${time},
  row_number() over (order by valid_from desc, ordinal, id) - 1, inputs, outputs, metadata, splits, source_trace_id,
  external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where examples.tenant_id = ${tenant} and ${exampleConditionsSql(filter, asOf)}`
  await runComposed(transaction, tenantId, statement)
}
