import { createHash, randomUUID } from 'node:crypto'
import type { Harness } from './harness.ts'

/** Gives the tenant of the harness a key with the scope `admin`. @returns the headers that send it */
export async function adminKey(h: Harness): Promise<Record<string, string>> {
  const secretKey = `sk-lf-${randomUUID()}`
  const hash = createHash('sha256').update(secretKey).digest()
  await h.db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${h.tenant.id}, ${`pk-lf-${randomUUID()}`}, ${hash}, ${['read', 'write', 'admin']}, now())`
  return { 'x-api-key': secretKey }
}
