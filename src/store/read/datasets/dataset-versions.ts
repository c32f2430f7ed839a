import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import { containsPatterns } from '../filter/condition-sql.ts'

/** A state of a dataset between two changes of its examples. */
export interface DatasetVersion {
  /** When the examples changed to this state. */
  asOf: Timestamp
  /** Its names; the newest version is also called `latest`. */
  tags: string[]
}

export interface DatasetVersionQuery {
  tenantId: string
  datasetId: string
  /** Only versions that changed this example. */
  exampleId: string | null
  /** Only versions with a tag that contains this text, in any case. */
  tagContains: string | null
  limit: number
  offset: number
}

/** How one example differs between two versions. */
export interface ExampleChange {
  id: string
  change: 'added' | 'modified' | 'removed'
}

/** One page of versions, newest first. A version is every time at which examples were written or deleted. */
export async function datasetVersionList(
  db: Queryable,
  { tenantId, datasetId, exampleId, tagContains, limit, offset }: DatasetVersionQuery,
): Promise<DatasetVersion[]> {
  const pattern = tagContains === null ? null : containsPatterns(tagContains).raw[0]!
  const parameters = [tenantId, datasetId, exampleId, pattern, limit, offset]
  return runStatement<DatasetVersion>(db, 'dataset_version_list', parameters)
}

/** The newest version at a time, the time itself included. @returns null before the first one */
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

/** The version that a tag names. @returns null without such a tag */
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

/** What is not the same in a dataset at two times: only the two states count, not what happened in between. */
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
