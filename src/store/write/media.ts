import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { blobUpdateUsed } from './blobs.ts'

export interface MediaAnnouncement {
  id: string
  /** Lower-case hex. */
  sha256: string
  blobId: string
  contentType: string
  contentLength: number
}

/**
 * @param traceId for which it is announced: while that is there the content stays
 * @returns null when the id stands for another content already
 */
export async function mediaUpsert(
  db: Db,
  tenantId: string,
  { id, sha256, blobId, contentType, contentLength }: MediaAnnouncement,
  traceId: string | null,
  now: Timestamp,
): Promise<{ isStored: boolean } | null> {
  return db.begin(async (transaction) => {
    // First, as whoever removes the content does: no deadlock. From here on it stays.
    const isStored = await blobUpdateUsed(transaction, tenantId, blobId, now)
    const announced = await runStatement(transaction, 'media_upsert', [
      tenantId,
      id,
      sha256,
      blobId,
      contentType,
      contentLength,
      now,
    ])
    if (announced.length === 0) return null
    if (traceId !== null) {
      await runStatement(transaction, 'media_trace_insert', [tenantId, id, traceId])
    }
    return { isStored }
  })
}

export interface MediaUpload {
  uploadedAt: Timestamp
  httpStatus: number
  httpError: string | null
  timeMs: number | null
}

/** @returns false when nobody has announced it */
export async function mediaUpdateUpload(
  db: Queryable,
  tenantId: string,
  id: string,
  { uploadedAt, httpStatus, httpError, timeMs }: MediaUpload,
  now: Timestamp,
): Promise<boolean> {
  const rows = await runStatement(db, 'media_update_upload', [
    tenantId,
    id,
    uploadedAt,
    httpStatus,
    httpError,
    timeMs,
    now,
  ])
  return rows.length > 0
}
