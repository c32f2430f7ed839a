import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import { runStatement, runText } from '../statements.ts'
import { blobIsReferencedText } from './blob-references.ts'

/**
 * Records a content once its bytes are stored for good, or that it was given again. Waits for a delete of the same
 * content that is under way.
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
 * Tells that a stored content was given again: what will refer to it may not be written yet, so it is kept for a while.
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
 * Forgets a content to which nothing refers. Its bytes are removed while its row is locked, so that a write of the same
 * content, which comes meanwhile, sees that they are gone. Bytes without a row, which a write that broke off has left, are
 * removed too.
 * @param usedBefore one that was used since is kept
 * @returns its bytes; null when there was no such content, or it is kept
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
    const parameters = [tenantId, id, usedBefore]
    const [gone] = await runText<{ size: number | null }>(transaction, deleteText, parameters)
    if (gone === undefined) return null
    await removeBytes()
    return gone.size
  })
}

/** What stood in for a content without a row is no loss. The announcements of a content go with it. */
const deleteText = `with gone as (
  delete from blobs
  where tenant_id = $1::uuid and id = $2::uuid and used_at < $3::timestamptz
    and (
      used_at = '-infinity'
      or not ${blobIsReferencedText({ tenant: '$1::uuid', id: '$2::uuid', since: '$3::timestamptz' })}
    )
  returning id, size, used_at
),
gone_media as (
  delete from media using gone
  where media.tenant_id = $1::uuid and media.blob_id = gone.id and gone.used_at > '-infinity'
)
select case when used_at > '-infinity' then size end as size from gone`
