import { createHash, randomUUID } from 'node:crypto'
import type { Db } from '../../src/store/pool.ts'

export interface TestTenant {
  id: string
  name: string
  publicKey: string
  secretKey: string
  /** Langfuse's `Authorization` header. */
  basic: string
}

/** Makes a tenant with a key pair that may do everything. */
export async function insertTenant(db: Db): Promise<TestTenant> {
  const id = randomUUID()
  const publicKey = `pk-lf-${id}`
  const secretKey = `sk-lf-${id}`
  const hash = createHash('sha256').update(secretKey).digest()
  await db`insert into tenants (id, name, created_at) values (${id}, 'test', now())`
  await db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${id}, ${publicKey}, ${hash}, '{read,write}', now())`
  const basic = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString('base64')}`
  return { id, name: 'test', publicKey, secretKey, basic }
}

/** Gives a tenant another key. @returns the secret key */
export async function insertKey(
  db: Db,
  tenantId: string,
  scopes: readonly string[],
): Promise<string> {
  const secretKey = `sk-lf-${randomUUID()}`
  const hash = createHash('sha256').update(secretKey).digest()
  await db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${tenantId}, ${`pk-lf-${randomUUID()}`}, ${hash}, ${`{${scopes.join(',')}}`}::text::text[], now())`
  return secretKey
}
