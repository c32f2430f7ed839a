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

/** Reads stored contents by id. Those that the tenant has not stored have no entry. */
export async function blobListAmong(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, BlobRow>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<BlobRow>(db, 'blob_list_among', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, row]))
}
