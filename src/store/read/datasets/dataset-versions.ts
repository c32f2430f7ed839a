import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import { containsPatterns } from '../filter/condition-sql.ts'

/** A state of a dataset between two changes of its examples. */
export interface DatasetVersion {
  /** When the examples changed to this state. */
  asOf: Timestamp
  /** The tags of this version. The newest version is also tagged `latest`. */
  tags: string[]
}

export interface DatasetVersionQuery {
  tenantId: string
  datasetId: string
  /** Only versions that changed this example. */
  exampleId: string | null
  /** Only versions with a tag that contains this text, in upper or lower case. */
  tagContains: string | null
  limit: number
  offset: number
}

/** How one example differs between two versions. */
export interface ExampleChange {
  id: string
  change: 'added' | 'modified' | 'removed'
}

/** Reads one page of versions, newest first. Every time at which examples were written or deleted is a version. */
export async function datasetVersionList(
  db: Queryable,
  { tenantId, datasetId, exampleId, tagContains, limit, offset }: DatasetVersionQuery,
): Promise<DatasetVersion[]> {
  const pattern = tagContains === null ? null : containsPatterns(tagContains).raw[0]!
  const parameters = [tenantId, datasetId, exampleId, pattern, limit, offset]
  return runStatement<DatasetVersion>(db, 'dataset_version_list', parameters)
}

/**
 * Finds the newest version at a time; a version made exactly then counts.
 * @returns null before the first version
 */
export async function datasetVersionFind(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  time: Timestamp,
): Promise<DatasetVersion | null> {
  const parameters = [tenantId, datasetId, time]
  const [version] = await runStatement<DatasetVersion>(db, 'dataset_version_find', parameters)
  return version ?? null
}

/**
 * Finds the version that a tag names.
 * @returns null when there is no such tag
 */
export async function datasetTagFind(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  tag: string,
): Promise<Timestamp | null> {
  const parameters = [tenantId, datasetId, tag]
  const [row] = await runStatement<{ asOf: Timestamp }>(db, 'dataset_tag_find', parameters)
  return row?.asOf ?? null
}

/**
 * Lists what differs in a dataset between two times. Only the two states are compared, not what happened in between.
 */
export async function exampleListChanges(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  before: Timestamp,
  after: Timestamp,
): Promise<ExampleChange[]> {
  const parameters = [tenantId, datasetId, before, after]
  return runStatement<ExampleChange>(db, 'example_list_changes', parameters)
}
