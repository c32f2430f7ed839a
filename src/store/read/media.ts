import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** A content that a client of Langfuse has announced. */
export interface MediaRow {
  id: string
  /** Lower-case hex. */
  sha256: string
  blobId: string
  contentType: string
  /** Bytes: as announced, and once it is stored as it is. */
  contentLength: number
  /** When its client says; else when the bytes were stored, whoever stored them. */
  uploadedAt: Timestamp | null
  /** What the client has told of its upload. */
  uploadHttpStatus: number | null
  uploadHttpError: string | null
  /** The bytes are here. */
  isStored: boolean
}

/** @returns null when nobody has announced it */
export async function mediaFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<MediaRow | null> {
  const [row] = await runStatement<MediaRow>(db, 'media_find', [tenantId, id])
  return row ?? null
}

/** By id; ids that are not known have no entry. */
export async function mediaListAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, MediaRow>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<MediaRow>(db, 'media_list_among', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, row]))
}
