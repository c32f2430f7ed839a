import { createHmac } from 'node:crypto'
import { isSameSecret } from '../domain/constant-time.ts'

/** The path that blob links begin with: `<base>/<tenant>/<blob>?type=…&name=…&expires=…&signature=…`. */
export const blobLinkBase = '/api/runmill/blobs'

/** What a link gives access to, and how the content is shown. Every field is signed. */
export interface BlobLink {
  tenantId: string
  blobId: string
  /** As the sender gave it, so it may be any text. */
  mimeType: string
  fileName: string
  /** Whole seconds since 1970. */
  expiresAt: number
}

/** A blob link as a request brings it: its fields as text, with the signature. */
export interface SignedBlobLink {
  tenantId: string
  blobId: string
  type: string
  name: string
  expires: string
  signature: string
}

/** Permission to upload the content of one announced media item. Every field is signed. */
export interface UploadLink {
  tenantId: string
  mediaId: string
  /** Whole seconds since 1970. */
  expiresAt: number
}

export interface BlobSigner {
  /** @returns path and query of a link */
  sign(link: BlobLink): string
  /**
   * Checks a link.
   * @returns null unless `sign` made it with the same secret. Whether it has expired is for the caller to check.
   */
  verify(link: SignedBlobLink): BlobLink | null
  /** @returns a signature that is valid for this upload alone */
  signUpload(link: UploadLink): string
  verifyUpload(link: UploadLink, signature: string): boolean
}

/**
 * The longest name or type in a link, because servers refuse long URLs. A longer name is cut. A longer type is
 * replaced, because a shortened type would mean something else.
 */
const maxLength = 255

/**
 * Creates a signer that uses HMAC-SHA-256.
 * @param secret 32 bytes, the same in every process of an installation
 */
export function createBlobSigner(secret: Uint8Array): BlobSigner {
  function signatureOf(
    fields: readonly string[],
    purpose: 'blob link' | 'upload' = 'blob link',
  ): string {
    const mac = createHmac('sha256', secret).update(`runmill ${purpose} 1`)
    // Each field is preceded by its length, so that no two lists of fields are signed as the same text.
    for (const field of fields) mac.update(`${Buffer.byteLength(field)}:`).update(field)
    return mac.digest('base64url')
  }

  function uploadSignature({ tenantId, mediaId, expiresAt }: UploadLink): string {
    return signatureOf([tenantId, mediaId, String(expiresAt)], 'upload')
  }

  return {
    signUpload: uploadSignature,
    verifyUpload: (link, signature) => isSameSecret(uploadSignature(link), signature),
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
      if (!isSameSecret(signatureOf([tenantId, blobId, type, name, expires]), signature))
        return null
      return { tenantId, blobId, mimeType: type, fileName: name, expiresAt: Number(expires) }
    },
  }
}
