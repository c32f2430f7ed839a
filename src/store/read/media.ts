import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** A file that a client of Langfuse has announced. */
export interface MediaRow {
  id: string
  /** In lower-case hex. */
  sha256: string
  blobId: string
  contentType: string
  /** In bytes: as announced, and once the file is stored, as it really is. */
  contentLength: number
  /** When the client says that it uploaded. If it never says, when the bytes were stored, by whatever client. */
  uploadedAt: Timestamp | null
  /** What the client has reported about its upload. */
  uploadHttpStatus: number | null
  uploadHttpError: string | null
  /** True when the bytes are stored. */
  isStored: boolean
}

/** @returns null when nobody has announced the file */
export async function mediaFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<MediaRow | null> {
  const [row] = await runStatement<MediaRow>(db, 'media_find', [tenantId, id])
  return row ?? null
}

/** Reads announced files by id. Ids that are not known have no entry. */
export async function mediaListAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, MediaRow>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<MediaRow>(db, 'media_list_among', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, row]))
}
