import type { InitialTenant } from './config.ts'
import type { Clock } from './domain/clock.ts'
import { deriveId } from './domain/ids.ts'
import { makeKeyPair, type KeyPair } from './domain/keys.ts'
import { isUniqueViolation } from './store/errors.ts'
import type { Db } from './store/pool.ts'
import { apiKeyUpsert } from './store/write/keys.ts'
import { tenantIsDeleted } from './store/write/tenants/tenant-deletion.ts'
import { tenantInsert, tenantInsertFirst } from './store/write/tenants/tenants.ts'

/** Thrown when the RUNMILL_INIT_* keys cannot be created. The message is one sentence for the operator. */
export class InitialKeysError extends Error {
  override name = 'InitialKeysError'
}

/** This id is equal in every installation, so that processes which start at the same time make one tenant. */
const defaultTenantId = deriveId('tenant', 'default')

/**
 * Makes the tenant and the key pair that RUNMILL_INIT_* ask for. Does nothing when no keys are given. It is idempotent
 * and runs at every start: a changed secret takes effect, a changed name does not.
 * @throws InitialKeysError
 */
export async function ensureGivenKeys(
  db: Db,
  clock: Clock,
  { id, name, keys }: InitialTenant,
): Promise<void> {
  if (keys === null) return
  const tenant = { id: id ?? defaultTenantId, name }
  await tenantInsert(db, tenant, clock.now())
  if (await tenantIsDeleted(db, tenant.id)) {
    throw new InitialKeysError(
      `The tenant ${tenant.id} was deleted: set another RUNMILL_INIT_TENANT_ID, or unset RUNMILL_INIT_*.`,
    )
  }
  let kept: boolean
  try {
    kept = await apiKeyUpsert(db, tenant.id, keys, 'RUNMILL_INIT', clock.now())
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new InitialKeysError(
      'RUNMILL_INIT_SECRET_KEY is already in use with another public key: set another one.',
      { cause: error },
    )
  }
  if (!kept) {
    throw new InitialKeysError(
      'RUNMILL_INIT_PUBLIC_KEY belongs to another tenant: set another one, or its RUNMILL_INIT_TENANT_ID.',
    )
  }
}

/**
 * Makes the tenant, with a key pair of its own, at the first start of an installation that was given no keys.
 * @returns the keys, which cannot be shown again later; null at every later start
 */
export async function createFirstKeys(
  db: Db,
  clock: Clock,
  { id, name, keys }: InitialTenant,
): Promise<KeyPair | null> {
  if (keys !== null) return null
  const tenant = { id: id ?? defaultTenantId, name }
  const insert = id === null ? tenantInsertFirst : tenantInsert
  if (!(await insert(db, tenant, clock.now()))) return null
  const pair = makeKeyPair()
  await apiKeyUpsert(db, tenant.id, pair, 'first start', clock.now())
  return pair
}
