import sql, { type Sql } from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db, Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { blobIsReferencedSql } from './blob-references.ts'

/*
 * A mark says that a blob may have lost its last reference. Marks are hints: whether anything refers to the blob is
 * asked again when it is deleted, and a look at all blobs finds those without a mark.
 */

/** A marked blob that is due. */
export interface DueBlob {
  blobId: string
  /** False when the blob was used after it was marked: then the mark says nothing. */
  isCurrent: boolean
}

/**
 * Marks a blob before its bytes are stored without a row, so that what a write leaves when it breaks off is found.
 */
export async function blobMarkInsert(
  db: Db,
  tenantId: string,
  blobId: string,
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'blob_mark_insert', [tenantId, blobId, now])
}

/** Removes the mark of a blob whose tenant is deleted, whenever it was made. */
export async function blobMarkDeleteOfBlob(
  db: Db,
  tenantId: string,
  blobId: string,
): Promise<void> {
  await runStatement(db, 'blob_mark_delete_of_blob', [tenantId, blobId])
}

/** Marks the blobs of an experiment, before its rows are removed. */
export async function blobMarkInsertOfExperiment(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'blob_mark_insert_of_experiment', [tenantId, experimentId, now])
}

/** Marks the blobs of traces, before they are removed. */
export async function blobMarkInsertOfTraces(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'blob_mark_insert_of_traces', [tenantId, traceIds, now])
}

/** Marks the blobs of examples, before they are erased. */
export async function blobMarkInsertOfExamples(
  db: Queryable,
  tenantId: string,
  exampleIds: readonly string[],
  now: Timestamp,
): Promise<void> {
  const statement = sql`
-- name: blob_mark_insert_of_examples
-- Marks the blobs of examples whose content is about to be erased. A repeat marks them again.
${markBlobsOfSql(sql`id = any (${exampleIds}::uuid[])`, now)}`
  await runComposed(db, tenantId, statement)
}

/** Marks the blobs of a dataset, before it is removed. */
export async function blobMarkInsertOfDataset(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  now: Timestamp,
): Promise<void> {
  const statement = sql`
-- name: blob_mark_insert_of_dataset
-- Marks the blobs of the examples of a dataset that is about to be deleted. A repeat marks them again.
-- May take minutes.
${markBlobsOfSql(sql`dataset_id = ${datasetId}::uuid`, now)}`
  await runComposed(db, tenantId, statement)
}

/** Marks the attachments of all versions of these examples, and the media that they mention. */
function markBlobsOfSql(isLeaving: Sql, now: Timestamp): Sql {
  return sql`with leaving as (
  select attachments, array[inputs::text, outputs::text, metadata::text] as texts
  from examples
  where tenant_id = ${tenant} and ${isLeaving}
    and (
      attachments is not null or inputs::text like '%@@@langfuseMedia:%'
      or outputs::text like '%@@@langfuseMedia:%' or metadata::text like '%@@@langfuseMedia:%'
    )
)
insert into blob_marks (tenant_id, blob_id, created_at)
select ${tenant}::uuid, blob_id, ${now}::timestamptz
from (
  select blob_id from leaving, unnest(runmill_blob_ids(attachments)) as blob_id
  union
  select media.blob_id
  from leaving, unnest(runmill_media_ids(texts)) as media_id
  join media on media.tenant_id = ${tenant} and media.id = media_id
) as freed`
}

/**
 * Looks at the next blobs of a tenant, and marks those to which nothing refers.
 * @param after the blob to go on after; null begins with the first
 * @param limit how many are looked at
 * @returns the last one that was looked at; null at the end
 */
export async function blobMarkInsertUnreferenced(
  db: Db,
  tenantId: string,
  after: string | null,
  usedBefore: Timestamp,
  limit: number,
  now: Timestamp,
): Promise<string | null> {
  const page = await runStatement<{ id: string }>(db, 'blob_list_unused', [
    tenantId,
    after ?? nilUuid,
    usedBefore,
    limit,
  ])
  const ids = page.map(({ id }) => id)
  if (ids.length === 0) return null
  const since = sql`${usedBefore}::timestamptz`
  const isReferenced = blobIsReferencedSql({ id: sql`blobs.id`, since })
  const statement = sql`
-- name: blob_mark_insert_unreferenced
-- Marks those of some blobs that were not used since a time and that nothing refers to. A mark of before the last use says
-- nothing. A repeat marks none that is marked. They are found first and marked then: a coordinator (docs/scaling.md) refuses
-- both in one.
-- 16 us a blob, with 60,000 runs that have attachments.
-- May take minutes.
with unreferenced as materialized (
  select blobs.id from blobs
  where blobs.tenant_id = ${tenant} and blobs.id = any (${ids}::uuid[]) and blobs.used_at < ${since}
    and not ${isReferenced}
    and not exists (
      select from blob_marks
      where blob_marks.tenant_id = ${tenant} and blob_marks.blob_id = blobs.id and blob_marks.created_at >= blobs.used_at
    )
)
insert into blob_marks (tenant_id, blob_id, created_at)
select ${tenant}::uuid, unreferenced.id, ${now}::timestamptz from unreferenced`
  await runComposed(db, tenantId, statement)
  return ids.at(-1)!
}

const nilUuid = '00000000-0000-0000-0000-000000000000'

/**
 * Lists marked blobs of a tenant that are due.
 * @param markedBefore a time so long ago that all that was being written then is committed
 */
export async function blobMarkListDue(
  db: Db,
  tenantId: string,
  markedBefore: Timestamp,
  usedBefore: Timestamp,
  limit: number,
): Promise<DueBlob[]> {
  return runStatement<DueBlob>(db, 'blob_mark_list_due', [
    tenantId,
    markedBefore,
    usedBefore,
    limit,
  ])
}

/** Deletes the marks of a blob that were made before a time. Marks that came since stay. */
export async function blobMarkDelete(
  db: Db,
  tenantId: string,
  blobId: string,
  markedBefore: Timestamp,
): Promise<void> {
  await runStatement(db, 'blob_mark_delete', [tenantId, blobId, markedBefore])
}
