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

export interface BlobSigner {
  /** @returns path and query of a link */
  sign(link: BlobLink): string
  /** @returns null for a link that `sign` has not made with the same secret. Whether it has expired is the caller's question. */
  verify(parts: BlobLinkParts): BlobLink | null
}

/** Longer ones would make a URL that servers refuse. A name is cut; a type that is cut means something else. */
const maxLength = 255

/** Signs with HMAC-SHA-256. @param secret the same in every process of an installation, 32 bytes */
export function createBlobSigner(secret: Uint8Array): BlobSigner {
  function signatureOf(parts: readonly string[]): string {
    const mac = createHmac('sha256', secret).update('runmill blob link 1')
    // Lengths first, so that no two lists of parts are signed as one text.
    for (const part of parts) mac.update(`${Buffer.byteLength(part)}:`).update(part)
    return mac.digest('base64url')
  }

  return {
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
      const wanted = Buffer.from(signatureOf([tenantId, blobId, type, name, expires]))
      const given = Buffer.from(signature)
      // The length is no secret: it is always the same.
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null
      return { tenantId, blobId, mimeType: type, fileName: name, expiresAt: Number(expires) }
    },
  }
}
