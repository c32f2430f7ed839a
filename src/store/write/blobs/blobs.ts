import sql from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db, Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { blobIsReferencedSql } from './blob-references.ts'

/**
 * Records a blob once its bytes are stored for good, or that it was stored again. Waits for a delete of the blob that
 * is under way.
 */
export async function blobInsert(
  db: Db,
  tenantId: string,
  blob: { id: string; size: number; sha256: string },
  now: Timestamp,
): Promise<void> {
  const hash = Buffer.from(blob.sha256, 'hex')
  await runStatement(db, 'blob_insert', [tenantId, blob.id, blob.size, hash, now])
}

/**
 * Records that stored content was given again. What will refer to it may not be written yet, so it is kept for a
 * while.
 * @returns false when the tenant has stored no such content
 */
export async function blobUpdateUsed(
  db: Queryable,
  tenantId: string,
  id: string,
  now: Timestamp,
): Promise<boolean> {
  return (await runStatement(db, 'blob_update_used', [tenantId, id, now])).length > 0
}

/**
 * Deletes a blob to which nothing refers. Its bytes are removed while its row is locked, so that a write of the same
 * content that comes meanwhile sees that they are gone. Bytes without a row, left by a write that broke off, are
 * removed too.
 * @param usedBefore keeps a blob that was used at this time or later
 * @returns the number of bytes; null when there was no such blob, or it is kept
 */
export async function blobDeleteUnreferenced(
  db: Db,
  tenantId: string,
  id: string,
  usedBefore: Timestamp,
  removeBytes: () => Promise<void>,
): Promise<number | null> {
  return db.begin(async (transaction) => {
    await runStatement(transaction, 'blob_insert_missing', [tenantId, id])
    const gone = await blobDelete(transaction, tenantId, id, usedBefore)
    if (gone === null) return null
    await removeBytes()
    return gone.size
  })
}

async function blobDelete(
  transaction: Queryable,
  tenantId: string,
  blobId: string,
  usedBefore: Timestamp,
): Promise<{ size: number | null } | null> {
  const id = sql`${blobId}::uuid`
  const since = sql`${usedBefore}::timestamptz`
  const isReferenced = blobIsReferencedSql({ id, since })
  const statement = sql`
-- name: blob_delete
-- Deletes a content to which nothing refers and that was not used since a time, and its announcements. What stood in for a
-- content without a row has no size: it is no loss. A repeat deletes nothing.
with gone as (
  delete from blobs
  where tenant_id = ${tenant}::uuid and id = ${id} and used_at < ${since}
    and (
      used_at = '-infinity'
      or not ${isReferenced}
    )
  returning id, size, used_at
),
gone_media as (
  delete from media using gone
  where media.tenant_id = ${tenant}::uuid and media.blob_id = gone.id and gone.used_at > '-infinity'
)
select case when used_at > '-infinity' then size end as size from gone`
  const [gone] = await runComposed<{ size: number | null }>(transaction, tenantId, statement)
  return gone ?? null
}
