import { createHash, randomBytes } from 'node:crypto'

/** What the SDKs of both vendors are given. The secret is known to the client alone: only its hash is stored. */
export interface KeyPair {
  publicKey: string
  secretKey: string
}

/** 32 random bytes each, `pk-rm-…` and `sk-rm-…`. */
export function makeKeyPair(): KeyPair {
  return {
    publicKey: `pk-rm-${randomBytes(32).toString('hex')}`,
    secretKey: `sk-rm-${randomBytes(32).toString('hex')}`,
  }
}

/** SHA-256: a random secret has nothing that a slow hash could protect. */
export function hashSecret(secretKey: string): Buffer {
  return createHash('sha256').update(secretKey).digest()
}
