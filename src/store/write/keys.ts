import { randomUUID } from 'node:crypto'
import { hashSecret, type KeyPair } from '../../domain/keys.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { tenantIsDeleted } from './tenants/tenant-deletion.ts'

/** What a key may do; one with the scope `admin` too, for the whole server. A public key alone may only send scores, and that of a read-only pair may do nothing. */
export const allScopes: readonly string[] = ['read', 'write']
export const readScopes: readonly string[] = ['read']

export interface StoredKey {
  publicKey: string
  scopes: string[]
  note: string | null
  createdAt: Timestamp
  revokedAt: Timestamp | null
}

/**
 * Gives a tenant a key pair, or gives an existing public key another secret. A revoked key stays revoked, and a stored
 * one keeps its scopes.
 * @returns false when the public key belongs to another tenant, or the deletion of the tenant has begun
 * @throws the driver's unique violation when the secret is already in use with another public key
 */
export async function apiKeyUpsert(
  db: Db,
  tenantId: string,
  { publicKey, secretKey }: KeyPair,
  note: string | null,
  now: Timestamp,
  scopes = allScopes,
): Promise<boolean> {
  // A key that comes while the deletion begins is removed by it.
  if (await tenantIsDeleted(db, tenantId)) return false
  const rows = await runStatement(db, 'api_key_upsert', [
    tenantId,
    randomUUID(),
    publicKey,
    hashSecret(secretKey),
    scopes,
    note,
    now,
  ])
  return rows.length > 0
}

/** Lists the keys of a tenant, oldest first, revoked ones too. */
export async function apiKeyList(db: Db, tenantId: string): Promise<StoredKey[]> {
  return runStatement<StoredKey>(db, 'api_key_list', [tenantId])
}

/**
 * Revokes a key.
 * @returns when it was first revoked; null when the tenant has no such key
 */
export async function apiKeyUpdateRevoked(
  db: Db,
  tenantId: string,
  publicKey: string,
  now: Timestamp,
): Promise<Timestamp | null> {
  const rows = await runStatement<{ revokedAt: Timestamp }>(db, 'api_key_update_revoked', [
    tenantId,
    publicKey,
    now,
  ])
  return rows[0]?.revokedAt ?? null
}
