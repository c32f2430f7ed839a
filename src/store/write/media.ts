import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

export interface MediaAnnouncement {
  id: string
  /** Lower-case hex. */
  sha256: string
  blobId: string
  contentType: string
  contentLength: number
}

/** @returns null when the id stands for another content already */
export async function mediaUpsert(
  db: Queryable,
  tenantId: string,
  { id, sha256, blobId, contentType, contentLength }: MediaAnnouncement,
  now: Timestamp,
): Promise<{ isStored: boolean } | null> {
  const [row] = await runStatement<{ isStored: boolean }>(db, 'media_upsert', [
    tenantId,
    id,
    sha256,
    blobId,
    contentType,
    contentLength,
    now,
  ])
  return row ?? null
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
