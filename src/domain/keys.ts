import { createHash, randomBytes } from 'node:crypto'

/**
 * The credentials that the SDKs of both vendors take. The secret is known to the client alone: only its hash is
 * stored.
 */
export interface KeyPair {
  publicKey: string
  secretKey: string
}

/** Makes a pair of `pk-rm-…` and `sk-rm-…`, each with 32 random bytes. */
export function makeKeyPair(): KeyPair {
  return {
    publicKey: `pk-rm-${randomBytes(32).toString('hex')}`,
    secretKey: `sk-rm-${randomBytes(32).toString('hex')}`,
  }
}

/** Hashes with plain SHA-256. A slow hash protects secrets that can be guessed, and this one is random. */
export function hashSecret(secretKey: string): Buffer {
  return createHash('sha256').update(secretKey).digest()
}
