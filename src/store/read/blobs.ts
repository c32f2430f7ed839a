import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** A content that is stored for good. */
export interface BlobRow {
  id: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  createdAt: Timestamp
}

/** @returns null when the tenant has stored no such content */
export async function blobFind(db: Db, tenantId: string, id: string): Promise<BlobRow | null> {
  const [row] = await runStatement<BlobRow>(db, 'blob_find', [tenantId, id])
  return row ?? null
}
