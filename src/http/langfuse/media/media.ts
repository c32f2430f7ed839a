import type { FastifyRequest } from 'fastify'
import { fromEpochMs, toEpochMs, toMillisecondIso } from '../../../domain/timestamp.ts'
import type { MediaRow } from '../../../store/read/media.ts'
import { baseUrl, expiringBlobUrl } from '../../blobs.ts'
import type { Services } from '../../services.ts'

/** Largest content that is taken, in bytes: upstream's default. It is streamed, so it costs disk and no memory. */
export const maxMediaBytes = 1_000_000_000

/** Seconds in which an upload must begin. */
const uploadLifetimeSeconds = 3600

/** What a client may announce (contracts/langfuse.md 2.15). */
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

/** SHA-256 from 44 characters of base64; null for anything else. @returns lower-case hex */
export function readSha256(base64: string): string | null {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === base64 ? bytes.toString('hex') : null
}

/** Clients make the same id from the content, before they ask: URL-safe base64 of the SHA-256, first 22 characters. */
export function mediaIdOf(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64url').slice(0, 22)
}

/** Where the bytes are to be put, with no key but the link itself. */
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

/** A stored content, with a link that serves it. */
export function storedMedia(
  services: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  { id, blobId, contentType, contentLength }: MediaRow,
): {
  mediaId: string
  contentType: string
  contentLength: number
  url: string
  urlExpiry: string
} {
  const file = { blobId, mimeType: contentType, fileName: id }
  const { url, expiresAt } = expiringBlobUrl(services, request, file)
  const urlExpiry = toMillisecondIso(fromEpochMs(expiresAt * 1000)!)
  return { mediaId: id, contentType, contentLength, url, urlExpiry }
}
