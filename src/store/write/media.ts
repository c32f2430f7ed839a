import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { blobUpdateUsed } from './blobs/blobs.ts'

export interface MediaAnnouncement {
  id: string
  /** Lower-case hex. */
  sha256: string
  blobId: string
  contentType: string
  contentLength: number
}

/**
 * Announces a media item, whose content is uploaded later.
 * @param traceId the trace that it is announced for: while that exists, the content is kept
 * @returns null when the id already stands for other content
 */
export async function mediaUpsert(
  db: Db,
  tenantId: string,
  { id, sha256, blobId, contentType, contentLength }: MediaAnnouncement,
  traceId: string | null,
  now: Timestamp,
): Promise<{ isStored: boolean } | null> {
  return db.begin(async (transaction) => {
    // The first lock, as when the content is removed: no deadlocks. From here on the content stays.
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

/**
 * Records how an upload ended.
 * @returns false when nobody has announced the media item
 */
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
