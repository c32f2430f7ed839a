import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import { isUniqueViolation } from '../errors.ts'
import type { Db, Queryable } from '../pool.ts'
import type { Dataset } from '../read/datasets/datasets.ts'
import type { Example } from '../read/datasets/example.ts'
import { runStatement } from '../statements.ts'
import { datasetLock } from './datasets.ts'

/** Everything that the next version of an example holds. `metadata` must be fit for `jsonb` (see `jsonbText`). */
export interface ExampleVersion
  extends Omit<Example, 'datasetId' | 'validFrom' | 'createdAt' | 'ordinal' | 'attachments'> {
  /** Absent or null: the time at which the example was created, or for a new example the version's time. */
  createdAt?: Timestamp | null
  /** Absent: the attachments that the example has now. */
  attachments?: JsonText | null
}

/**
 * Decides what is written, while the dataset is locked. A throw writes nothing and reaches the caller.
 * @param current the requested examples that exist now, by id. An id that is taken in another dataset is among them,
 * with the id of that dataset.
 * @returns the new versions, at most one per id, in the order of the request; if there are none, no version is made
 */
export type ExamplePlan = (
  dataset: Dataset,
  current: ReadonlyMap<string, Example>,
) => ExampleVersion[]

/** Examples of one dataset that are written as one version. */
export interface ExampleWrite {
  tenantId: string
  datasetId: string
  /** Every id that the plan may write. */
  ids: string[]
  now: Timestamp
}

/**
 * Writes new versions of many examples of one dataset, all under one version time, which is strictly later than any
 * before it in the dataset (architecture.md 4.5). Create-only, update-only, upsert and merge are the plan's business.
 * @returns the stored versions in the order of the plan; null when there is no such dataset
 */
export async function exampleWriteVersions(
  db: Db,
  write: ExampleWrite,
  plan: ExamplePlan,
): Promise<Example[] | null> {
  const attempt = async () =>
    db.begin(async (transaction) => exampleWriteVersionsWithin(transaction, write, plan))
  try {
    return await attempt()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    // Another dataset took one of the ids meanwhile. Now the plan sees it.
    return attempt()
  }
}

/**
 * Writes versions inside the caller's transaction, which fails when another dataset takes one of the ids meanwhile.
 */
export async function exampleWriteVersionsWithin(
  transaction: Queryable,
  { tenantId, datasetId, ids, now }: ExampleWrite,
  plan: ExamplePlan,
): Promise<Example[] | null> {
  const dataset = await datasetLock(transaction, tenantId, datasetId)
  if (dataset === null) return null
  const current = await exampleListCurrentAmong(transaction, tenantId, ids)
  const versions = plan(dataset, current)
  if (versions.length === 0) return []
  return insertVersions(transaction, tenantId, datasetId, versions, current, now)
}

/**
 * Deletes examples from the latest version on; older versions stay readable. Each dataset gets one new version.
 * @returns the ids that existed
 */
export async function exampleDeleteMany(
  db: Db,
  { tenantId, ids, now }: { tenantId: string; ids: string[]; now: Timestamp },
): Promise<string[]> {
  return db.begin(async (transaction) =>
    exampleDeleteManyWithin(transaction, { tenantId, ids, now }),
  )
}

/** Deletes examples inside the caller's transaction; see `exampleDeleteMany`. */
export async function exampleDeleteManyWithin(
  transaction: Queryable,
  { tenantId, ids, now }: { tenantId: string; ids: string[]; now: Timestamp },
): Promise<string[]> {
  const found = await exampleListCurrentAmong(transaction, tenantId, ids)
  // By id, as in every transaction that locks several datasets, which rules out deadlocks.
  const datasetIds = [
    ...new Set([...found.values()].map((example) => example.datasetId)),
  ].toSorted()
  const deleted: string[] = []
  for (const datasetId of datasetIds) {
    if ((await datasetLock(transaction, tenantId, datasetId)) === null) continue
    const own = [...found.values()].filter((example) => example.datasetId === datasetId)
    const ownIds = own.map((example) => example.id)
    const version = await datasetUpdateVersion(transaction, tenantId, datasetId, ownIds, now)
    const closed = await exampleUpdateClosed(transaction, tenantId, datasetId, version, ownIds)
    deleted.push(...closed)
  }
  return deleted
}

async function insertVersions(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  versions: ExampleVersion[],
  current: ReadonlyMap<string, Example>,
  now: Timestamp,
): Promise<Example[]> {
  const ids = versions.map((version) => version.id)
  const validFrom = await datasetUpdateVersion(transaction, tenantId, datasetId, ids, now)
  const examples = versions.map(
    (version, ordinal): Example => ({
      ...version,
      datasetId,
      validFrom,
      createdAt: version.createdAt ?? current.get(version.id)?.createdAt ?? validFrom,
      attachments:
        version.attachments === undefined
          ? (current.get(version.id)?.attachments ?? null)
          : version.attachments,
      ordinal,
    }),
  )
  if (current.size > 0) await exampleUpdateClosed(transaction, tenantId, datasetId, validFrom, ids)
  await exampleInsertMany(transaction, tenantId, datasetId, validFrom, examples)
  return examples
}

/** Inserts rows of one version as they are. The versions that they replace must be closed before. */
export async function exampleInsertMany(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  validFrom: Timestamp,
  examples: Example[],
): Promise<void> {
  await runStatement(transaction, 'example_insert_many', [
    tenantId,
    datasetId,
    validFrom,
    examples.map((example) => example.id),
    examples.map((example) => example.externalId),
    examples.map((example) => example.createdAt),
    examples.map((example) => example.inputs),
    examples.map((example) => example.outputs),
    examples.map((example) => example.metadata),
    examples.map((example) => JSON.stringify(example.splits)),
    examples.map((example) => String(example.archived)),
    examples.map((example) => example.sourceTraceId),
    examples.map((example) => example.externalSourceTraceId),
    examples.map((example) => example.sourceRunId),
    examples.map((example) => example.externalSourceRunId),
    examples.map((example) => example.ordinal),
    examples.map((example) => example.attachments),
  ])
}

async function exampleListCurrentAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, Example>> {
  const found = await runStatement<Example>(db, 'example_list_current_among', [tenantId, ids])
  return new Map(found.map((example) => [example.id, example]))
}

/** Takes the dataset's next version. The caller holds the dataset's lock. */
export async function datasetUpdateVersion(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  exampleIds: string[],
  now: Timestamp,
): Promise<Timestamp> {
  const [row] = await runStatement<{ versionAt: Timestamp }>(db, 'dataset_update_version', [
    tenantId,
    datasetId,
    now,
    exampleIds,
  ])
  return row!.versionAt
}

async function exampleUpdateClosed(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  validTo: Timestamp,
  ids: string[],
): Promise<string[]> {
  const closed = await runStatement<{ id: string }>(db, 'example_update_closed', [
    tenantId,
    datasetId,
    validTo,
    ids,
  ])
  return closed.map((example) => example.id)
}
