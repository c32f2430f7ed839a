import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

export interface ApiKey {
  id: string
  tenantId: string
  tenantName: string
  publicKey: string
  scopes: string[]
}

/**
 * @param secretHash SHA-256 of the secret, 32 bytes
 * @returns null when there is no such key, or it is revoked
 */
export async function apiKeyFindBySecretHash(
  db: Db,
  secretHash: Uint8Array,
): Promise<ApiKey | null> {
  const [key] = await runStatement<ApiKey>(db, 'api_key_find_by_secret_hash', [secretHash])
  return key ?? null
}

/** @returns null when there is no such key, or it is revoked */
export async function apiKeyFindByPublicKey(db: Db, publicKey: string): Promise<ApiKey | null> {
  const [key] = await runStatement<ApiKey>(db, 'api_key_find_by_public_key', [publicKey])
  return key ?? null
}

/** Lists which of these keys are not revoked. */
export async function apiKeyListValid(
  db: Db,
  publicKeys: string[],
): Promise<{ publicKey: string; secretHash: Buffer }[]> {
  return runStatement(db, 'api_key_list_valid', [publicKeys])
}

/** @param keyId a UUID */
export async function apiKeyIsValid(db: Db, tenantId: string, keyId: string): Promise<boolean> {
  return (await runStatement(db, 'api_key_find_valid', [tenantId, keyId])).length > 0
}
