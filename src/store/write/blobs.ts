import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** Records a content once its bytes are stored for good. Waits for a delete of the same content that is under way. */
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
 * Forgets a content. Its bytes are removed while the row is locked, so that a write of the same content, which comes
 * meanwhile, sees that they are gone.
 * @returns false when the tenant has stored no such content
 */
export async function blobDelete(
  db: Db,
  tenantId: string,
  id: string,
  removeBytes: () => Promise<void>,
): Promise<boolean> {
  return db.begin(async (transaction) => {
    const rows = await runStatement(transaction, 'blob_delete', [tenantId, id])
    if (rows.length === 0) return false
    await removeBytes()
    return true
  })
}
