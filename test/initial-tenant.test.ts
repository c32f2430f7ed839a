import { createHash, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createFirstKeys, ensureGivenKeys } from '../src/initial-tenant.ts'
import { apiKeyFindBySecretHash } from '../src/store/read/api-keys.ts'
import { harness, type Harness } from './support/harness.ts'

const keys = { publicKey: 'pk-lf-1234567890', secretKey: 'sk-lf-1234567890' }

async function tenantOf({ db }: Harness, secretKey: string): Promise<string | null> {
  const hash = createHash('sha256').update(secretKey).digest()
  return (await apiKeyFindBySecretHash(db, hash))?.tenantId ?? null
}

test('configured keys work after every start, and a new secret replaces the old one', async () => {
  const h = await harness()
  const id = randomUUID()
  for (const secretKey of [keys.secretKey, keys.secretKey, 'sk-lf-another-one']) {
    await ensureGivenKeys(h.db, h.clock, { id, name: 'evaluations', keys: { ...keys, secretKey } })
    expect(await tenantOf(h, secretKey)).toBe(id)
  }
  expect(await tenantOf(h, keys.secretKey)).toBeNull()
})

test('with configured keys no first keys are made', async () => {
  const h = await harness()
  expect(await createFirstKeys(h.db, h.clock, { id: null, name: 'default', keys })).toBeNull()
})
