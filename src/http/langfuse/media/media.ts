import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fromEpochMs, toEpochMs, toMillisecondIso } from '../../../domain/timestamp.ts'
import type { MediaRow } from '../../../store/read/media.ts'
import { baseUrl, expiringBlobUrl } from '../../blobs.ts'
import type { Services } from '../../services.ts'
import { shownTime } from '../requests.ts'

/** Largest content, in bytes; Langfuse's default. It is streamed, so it takes disk space and no memory. */
export const maxMediaBytes = 1_000_000_000

/** An upload must begin within this many seconds. */
const uploadLifetimeSeconds = 3600

/** The content types that a client may announce (contracts/langfuse.md 2.15). */
export const mediaContentTypes = [
  'image/png',
  'image/jpeg',
  'image/jpg',
  'image/webp',
  'image/gif',
  'image/svg+xml',
  'image/tiff',
  'image/bmp',
  'image/avif',
  'image/heic',
  'audio/mpeg',
  'audio/mp3',
  'audio/wav',
  'audio/ogg',
  'audio/oga',
  'audio/aac',
  'audio/mp4',
  'audio/flac',
  'audio/opus',
  'audio/webm',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/mpeg',
  'video/quicktime',
  'video/x-msvideo',
  'video/x-matroska',
  'text/plain',
  'text/html',
  'text/css',
  'text/csv',
  'text/markdown',
  'text/x-python',
  'application/javascript',
  'text/x-typescript',
  'application/x-yaml',
  'application/pdf',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/zip',
  'application/json',
  'application/xml',
  'application/octet-stream',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/rtf',
  'application/x-ndjson',
  'application/vnd.apache.parquet',
  'application/gzip',
  'application/x-tar',
  'application/x-7z-compressed',
] as const

/** Reads a SHA-256 in base64. @returns lower-case hex, or null for anything else */
export function readSha256(base64: string): string | null {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === base64 ? bytes.toString('hex') : null
}

/**
 * The first 22 characters of the SHA-256 in URL-safe base64. Clients derive the same id from the content themselves.
 */
export function mediaIdOf(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64url').slice(0, 22)
}

/** The signed link to which a client uploads the bytes. It needs no other credentials. */
export function uploadUrlOf(
  { blobSigner, clock, publicUrl }: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  mediaId: string,
): string {
  const { tenantId } = request.principal
  const expiresAt = Math.floor(toEpochMs(clock.now()) / 1000) + uploadLifetimeSeconds
  const signature = blobSigner.signUpload({ tenantId, mediaId, expiresAt })
  const query = new URLSearchParams({ tenant: tenantId, expires: String(expiresAt), signature })
  return `${baseUrl({ publicUrl }, request)}/api/public/media/${mediaId}/content?${query.toString()}`
}

export const storedMediaAnswer = z.object({
  mediaId: z.string(),
  contentType: z.string(),
  contentLength: z.int(),
  url: z.string(),
  urlExpiry: shownTime,
})

/** An uploaded content, with a link to its bytes. */
export function storedMedia(
  services: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  { id, blobId, contentType, contentLength }: MediaRow,
): z.output<typeof storedMediaAnswer> {
  const file = { blobId, mimeType: contentType, fileName: id }
  const { url, expiresAt } = expiringBlobUrl(services, request, file)
  const urlExpiry = toMillisecondIso(fromEpochMs(expiresAt * 1000)!)
  return { mediaId: id, contentType, contentLength, url, urlExpiry }
}
