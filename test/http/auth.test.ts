import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/domain/limit-error.ts'
import { createAuthenticator } from '../../src/http/auth.ts'
import { createKeyCache } from '../../src/http/key-cache.ts'
import { type Harness, harness } from '../support/harness.ts'

const here = '127.0.0.1'
const neverFull = { check: () => {} }

test('a key that was revoked, or given another secret, ends in every process while it is held', async () => {
  const h = await harness()
  const { tenant } = h
  // Here held keys never grow old.
  const caches = [1, 2].map(() => createKeyCache(h.db, neverFull, { now: () => 1 }))
  const processes = caches.map((cache) => createAuthenticator(h.db, cache))
  const pair = { publicKey: tenant.publicKey, secret: tenant.secretKey }
  const publicOnly = { publicKey: tenant.publicKey, secret: null }
  const ask = async (credentials: typeof pair | typeof publicOnly) =>
    Promise.all(processes.map(async (each) => each.findPrincipal(credentials, here)))
  const found = expect.objectContaining({ tenantId: tenant.id })
  expect([...(await ask(pair)), ...(await ask(publicOnly))]).toEqual([found, found, found, found])

  try {
    for (const cache of caches) cache.start()
    await h.db`update api_keys set secret_hash = ${randomBytes(32)} where tenant_id = ${tenant.id}`
    await expect.poll(async () => ask(pair)).toEqual([null, null])
    expect(await ask(publicOnly)).toEqual([found, found])
    await h.db`update api_keys set revoked_at = now() where tenant_id = ${tenant.id}`
    await expect.poll(async () => ask(publicOnly)).toEqual([null, null])
  } finally {
    for (const cache of caches) cache.stop()
  }
})

test('a revoked key ends within ten seconds when nobody can ask, however often it is used', async () => {
  const { db, tenant } = await harness()
  let now = 1
  const { findPrincipal } = createAuthenticator(
    db,
    createKeyCache(db, neverFull, { now: () => now }),
  )
  const pair = { publicKey: tenant.publicKey, secret: tenant.secretKey }
  expect(await findPrincipal(pair, here)).toMatchObject({ tenantId: tenant.id })

  await db`update api_keys set revoked_at = now() where tenant_id = ${tenant.id}`
  now += 9999
  expect(await findPrincipal(pair, here)).toMatchObject({ tenantId: tenant.id })
  now += 2
  expect(await findPrincipal(pair, here)).toBeNull()
})

test('a key that was unknown works as soon as it exists', async () => {
  const h = await harness()
  const { findPrincipal } = createAuthenticator(
    h.db,
    createKeyCache(h.db, neverFull, { now: () => 1 }),
  )
  const hidden = { publicKey: null, secret: h.tenant.secretKey }
  await h.db`update api_keys set revoked_at = now() where tenant_id = ${h.tenant.id}`
  expect(await findPrincipal(hidden, here)).toBeNull()
  await h.db`update api_keys set revoked_at = null where tenant_id = ${h.tenant.id}`
  expect(await findPrincipal(hidden, here)).toMatchObject({ tenantId: h.tenant.id })
})

test('the public key of a pair that may only read may do nothing alone', async () => {
  const h = await harness()
  const authorization = `Bearer ${h.tenant.publicKey}`
  const score = { name: 'k', value: 1, traceId: 't' }
  const send = async () => h.call('POST', '/api/public/scores', score, { authorization })
  await h.db`update api_keys set scopes = '{read}' where tenant_id = ${h.tenant.id}`
  expect((await send()).status).toBe(403)
})

describe('after 300 wrong keys from one address in a minute', () => {
  async function flood(h: Harness): Promise<void> {
    for (let i = 0; i < 300; i++) {
      const answer = await h.call('GET', '/sessions', undefined, { 'x-api-key': `wrong ${i}` })
      expect(answer.status).toBe(401)
    }
  }

  test('further unknown keys are refused in the shape of each dialect, without a look-up', async () => {
    const h = await harness({ isOwn: true })
    await flood(h)
    await h.db`alter table api_keys rename to hidden`
    const wrong = { 'x-api-key': 'wrong', authorization: 'Bearer wrong' }
    const langsmith = await h.call('GET', '/sessions', undefined, wrong)
    expect(langsmith).toMatchObject({
      status: 429,
      body: { detail: 'Too many requests: wrong keys were sent from this address' },
    })
    const seconds = Number(langsmith.headers['retry-after'])
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    for (const authorization of [
      'Bearer pk-wrong',
      'Bearer wrong',
      `Basic ${btoa('pk-wrong:wrong')}`,
    ]) {
      const langfuse = await h.call('GET', '/api/public/traces', undefined, { authorization })
      expect(langfuse, authorization).toMatchObject({
        status: 429,
        body: { message: expect.stringContaining('wrong keys') },
      })
    }
    const otlp = await h.call('POST', '/v1/traces', {}, wrong)
    expect(otlp).toMatchObject({ status: 503, body: { code: 14 } })
    expect(h.errors).toEqual([])
  })

  test('a key that was right before goes on, also after its time in the cache; so do other addresses', async () => {
    const h = await harness({ isOwn: true, trustProxy: '127.0.0.1' })
    let isFull = false
    let now = 1
    const failed = {
      check: () => {
        if (isFull) throw new LimitError('wrong_keys', 'wrong keys', 1)
      },
    }
    const { findPrincipal } = createAuthenticator(
      h.db,
      createKeyCache(h.db, failed, { now: () => now }),
    )
    const pair = { publicKey: null, secret: h.tenant.secretKey }
    expect(await findPrincipal(pair, here)).not.toBeNull()
    isFull = true
    now += 20_000
    expect(await findPrincipal(pair, here)).not.toBeNull()
    await expect(findPrincipal({ ...pair, secret: 'other' }, here)).rejects.toThrow(LimitError)

    await flood(h)
    const elsewhere = { 'x-forwarded-for': '192.0.2.7' }
    expect((await h.call('GET', '/sessions')).status).toBe(429)
    expect((await h.call('GET', '/sessions', undefined, elsewhere)).status).toBe(200)
    expect((await h.call('GET', '/sessions')).status).toBe(200)
  })
})
