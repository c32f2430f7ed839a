import { createHmac, timingSafeEqual } from 'node:crypto'

/** Where links lead: `<base>/<tenant>/<blob>?type=…&name=…&expires=…&signature=…`. */
export const blobLinkBase = '/api/runmill/blobs'

/** What a link gives access to, and how it is shown. All of it is signed. */
export interface BlobLink {
  tenantId: string
  blobId: string
  /** As its sender called it; it may be anything. */
  mimeType: string
  fileName: string
  /** Whole seconds since 1970. */
  expiresAt: number
}

/** The parts of a link, as a request brings them. */
export interface BlobLinkParts {
  tenantId: string
  blobId: string
  type: string
  name: string
  expires: string
  signature: string
}

/** Leave to upload one announced content. All of it is signed. */
export interface UploadLink {
  tenantId: string
  mediaId: string
  /** Whole seconds since 1970. */
  expiresAt: number
}

export interface BlobSigner {
  /** @returns path and query of a link */
  sign(link: BlobLink): string
  /** @returns null for a link that `sign` has not made with the same secret. Whether it has expired is the caller's question. */
  verify(parts: BlobLinkParts): BlobLink | null
  /** @returns a signature that opens nothing but this upload */
  signUpload(link: UploadLink): string
  verifyUpload(link: UploadLink, signature: string): boolean
}

/** Longer ones would make a URL that servers refuse. A name is cut; a type that is cut means something else. */
const maxLength = 255

/** Signs with HMAC-SHA-256. @param secret the same in every process of an installation, 32 bytes */
export function createBlobSigner(secret: Uint8Array): BlobSigner {
  function signatureOf(
    parts: readonly string[],
    purpose: 'blob link' | 'upload' = 'blob link',
  ): string {
    const mac = createHmac('sha256', secret).update(`runmill ${purpose} 1`)
    // Lengths first, so that no two lists of parts are signed as one text.
    for (const part of parts) mac.update(`${Buffer.byteLength(part)}:`).update(part)
    return mac.digest('base64url')
  }

  function uploadSignature({ tenantId, mediaId, expiresAt }: UploadLink): string {
    return signatureOf([tenantId, mediaId, String(expiresAt)], 'upload')
  }

  return {
    signUpload: uploadSignature,
    verifyUpload: (link, signature) => isSame(uploadSignature(link), signature),
    sign({ tenantId, blobId, mimeType, fileName, expiresAt }) {
      const type =
        mimeType.length > maxLength ? 'application/octet-stream' : mimeType.toWellFormed()
      const name = fileName.slice(0, maxLength).toWellFormed()
      const expires = String(expiresAt)
      const signature = signatureOf([tenantId, blobId, type, name, expires])
      const query = new URLSearchParams({ type, name, expires, signature })
      return `${blobLinkBase}/${tenantId}/${blobId}?${query.toString()}`
    },
    verify({ tenantId, blobId, type, name, expires, signature }) {
      if (!isSame(signatureOf([tenantId, blobId, type, name, expires]), signature)) return null
      return { tenantId, blobId, mimeType: type, fileName: name, expiresAt: Number(expires) }
    },
  }
}

/** Constant time. The length is no secret: it is always the same. */
function isSame(wantedText: string, givenText: string): boolean {
  const wanted = Buffer.from(wantedText)
  const given = Buffer.from(givenText)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}
