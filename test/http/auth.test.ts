import { expect, test } from 'vitest'
import { createAuthenticator } from '../../src/http/auth.ts'
import { harness } from '../support/harness.ts'

test('a revoked key is forgotten within ten seconds, however often it is used', async () => {
  const { db, tenant } = await harness()
  let now = 1
  const { findPrincipal } = createAuthenticator(db, { now: () => now })
  const pair = { publicKey: tenant.publicKey, secret: tenant.secretKey }
  const publicOnly = { publicKey: tenant.publicKey, secret: null }
  expect(await findPrincipal(pair)).toMatchObject({ tenantId: tenant.id })
  expect(await findPrincipal(publicOnly)).toMatchObject({ scopes: ['scores'] })

  await db`update api_keys set revoked_at = now() where tenant_id = ${tenant.id}`
  now += 9999
  expect(await findPrincipal(pair)).toMatchObject({ tenantId: tenant.id })
  now += 2
  expect(await findPrincipal(pair)).toBeNull()
  expect(await findPrincipal(publicOnly)).toBeNull()
})

test('a key that was unknown works as soon as it exists', async () => {
  const h = await harness()
  const { findPrincipal } = createAuthenticator(h.db, { now: () => 1 })
  const hidden = { publicKey: null, secret: h.tenant.secretKey }
  await h.db`update api_keys set revoked_at = now() where tenant_id = ${h.tenant.id}`
  expect(await findPrincipal(hidden)).toBeNull()
  await h.db`update api_keys set revoked_at = null where tenant_id = ${h.tenant.id}`
  expect(await findPrincipal(hidden)).toMatchObject({ tenantId: h.tenant.id })
})
