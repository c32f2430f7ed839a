import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isSameSecret } from '../domain/constant-time.ts'
import type { Db } from '../store/pool.ts'
import {
  type ApiKey,
  apiKeyFindByPublicKey,
  apiKeyFindBySecretHash,
} from '../store/read/api-keys.ts'

/**
 * read: reads. write: everything else. scores: only scores, sent from a browser with the public key alone. admin, beside
 * them: the same of the whole server, where a route says so.
 */
export type Scope = 'read' | 'write' | 'scores' | 'admin'

/** Who sent the request. Every statement of the request binds `tenantId`. */
export interface Principal {
  tenantId: string
  tenantName: string
  /** Missing where a link stands for a key. */
  keyId?: string
  scopes: readonly string[]
}

/** The credentials of a request. `secret` is null when only the public key was sent. */
export interface Credentials {
  publicKey: string | null
  secret: string | null
}

export interface Authenticator {
  /**
   * @param address where the request comes from
   * @returns null for an unknown or revoked key, or a public key that does not belong to the secret
   * @throws LimitError when the key was never right, and too many from that address were wrong
   */
  findPrincipal(credentials: Credentials, address: string): Promise<Principal | null>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the dialect's authentication hook before any handler of a protected route runs. */
    principal: Principal
  }
  interface FastifyContextConfig {
    /** The scope that the route needs; `none` needs no key. Default: read for GET and HEAD, otherwise write. */
    scope?: Scope | 'none'
    /** The events of the route go through the queue: it is refused while too many wait there. */
    isIngest?: boolean
  }
}

/** Holds the keys that were looked up lately. */
export interface KeyCache {
  /**
   * Returns the held key of that name, or else what `find` finds.
   * @param name see keyNames
   * @param address where the request comes from
   * @returns null for an unknown or revoked key
   * @throws LimitError when the key was never right, and too many from that address were wrong
   */
  get(name: string, address: string, find: () => Promise<ApiKey | null>): Promise<ApiKey | null>
}

/** What keys are held under: by the public half alone, or by the SHA-256 of the secret. */
export const keyNames = {
  ofPublicKey: (publicKey: string): string => `public/${publicKey}`,
  ofSecretHash: (hash: Buffer): string => `secret/${hash.toString('base64')}`,
}

/** Looks keys up by the SHA-256 of the secret. Secrets are random, so a plain hash is enough. */
export function createAuthenticator(db: Db, cache: KeyCache): Authenticator {
  return {
    async findPrincipal({ publicKey, secret }, address) {
      if (secret === null) {
        if (publicKey === null) return null
        const key = await cache.get(keyNames.ofPublicKey(publicKey), address, async () =>
          apiKeyFindByPublicKey(db, publicKey),
        )
        if (key === null) return null
        return { ...principalOf(key), scopes: key.scopes.includes('write') ? ['scores'] : [] }
      }
      const hash = createHash('sha256').update(secret).digest()
      const key = await cache.get(keyNames.ofSecretHash(hash), address, async () =>
        apiKeyFindBySecretHash(db, hash),
      )
      if (key === null || (publicKey !== null && !isSameSecret(publicKey, key.publicKey)))
        return null
      return principalOf(key)
    },
  }
}

function principalOf(key: ApiKey): Principal {
  const { id, tenantId, tenantName, scopes } = key
  return { tenantId, tenantName, keyId: id, scopes }
}

/** Returns the scope that the route needs: its own `config.scope`, or the default for its method. */
export function scopeOf(request: FastifyRequest): Scope | 'none' {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  return request.routeOptions.config.scope ?? (isRead ? 'read' : 'write')
}

/**
 * Returns whether the key has the scope. A key that may write may also send scores; `read` and `write` do not imply
 * each other.
 */
export function isAllowed(principal: Principal, scope: Scope): boolean {
  return (
    principal.scopes.includes(scope) || (scope === 'scores' && principal.scopes.includes('write'))
  )
}

/** Reads the pair of keys of `Authorization: Basic`; null when the header is not of that form. */
export function readBasic(header: string): Credentials | null {
  const match = /^basic\s+(\S+)$/i.exec(header)
  if (match === null) return null
  const [publicKey, secret] = Buffer.from(match[1]!, 'base64').toString('utf8').split(':')
  return publicKey && secret ? { publicKey, secret } : null
}

/** Reads the token of `Authorization: Bearer`; null when the header is not of that form. */
export function readBearer(header: string): string | null {
  return /^bearer\s+(\S+)$/i.exec(header)?.[1] ?? null
}

/** Reads the key of the header `x-api-key` or `Authorization`, of either form. */
export function readCredentials(request: FastifyRequest): Credentials | null {
  const apiKey = request.headers['x-api-key']
  if (typeof apiKey === 'string' && apiKey !== '') {
    return { publicKey: null, secret: withoutRepetition(apiKey) }
  }
  const header = request.headers.authorization ?? ''
  const token = readBearer(header)
  return token === null ? readBasic(header) : { publicKey: null, secret: token }
}

/**
 * Removes a repetition. Python's client for the v2 routes sends the header twice, and Node joins the two values. No key
 * contains a blank.
 */
function withoutRepetition(header: string): string {
  const [first = '', ...others] = header.split(', ')
  return others.every((other) => other === first) ? first : header
}
