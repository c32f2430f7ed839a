import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { boardPath, createBoardPasses } from '../../../src/http/pages/board-pass.ts'
import { harness, type Harness } from '../../support/harness.ts'

const request = (protocol: string, cookie?: string, principal = {}) =>
  ({ protocol, headers: cookie === undefined ? {} : { cookie }, principal }) as FastifyRequest

/** Whose key a pass is for. */
async function adminOf({ db, tenant }: Harness) {
  const [key] = await db<{ keyId: string }[]>`
    select id as key_id from api_keys where public_key = ${tenant.publicKey}`
  return { tenantId: tenant.id, keyId: key!.keyId }
}

test('a pass lasts for a quarter of an hour, in every process of an installation', async () => {
  const h = await harness()
  const [one, other] = [createBoardPasses(h), createBoardPasses(h)]
  const { setCookie, seconds } = await one.issue(request('http', undefined, await adminOf(h)))
  const cookie = `theme=dark; ${setCookie.split(';')[0]!}; more=1`
  expect(await other.isHeldBy(request('http', cookie))).toBe(true)
  expect(await other.isHeldBy(request('http'))).toBe(false)
  h.clock.advance((seconds - 5) * 1000)
  expect(await other.isHeldBy(request('http', cookie))).toBe(true)
  h.clock.advance(5000)
  expect(await other.isHeldBy(request('http', cookie))).toBe(false)
})

test('over TLS a pass goes out over TLS alone', async () => {
  const h = await harness()
  const passes = createBoardPasses(h)
  const attributes = `; Path=${boardPath}; Max-Age=900; HttpOnly; SameSite=Strict`
  const admin = await adminOf(h)
  const cookieOver = async (protocol: string) =>
    (await passes.issue(request(protocol, undefined, admin))).setCookie
  expect(await cookieOver('http')).toMatch(new RegExp(`${attributes}$`))
  expect(await cookieOver('https')).toMatch(new RegExp(`${attributes}; Secure$`))
})

test('a pass ends with its key, and one that was changed is none', async () => {
  const h = await harness()
  const passes = createBoardPasses(h)
  const { setCookie } = await passes.issue(request('http', undefined, await adminOf(h)))
  const cookie = setCookie.split(';')[0]!
  const later = cookie.replace(/\.(\d+)\./, (_, expiresAt: string) => `.${Number(expiresAt) + 60}.`)
  expect(await passes.isHeldBy(request('http', later))).toBe(false)
  expect(await passes.isHeldBy(request('http', cookie))).toBe(true)
  await h.db`update api_keys set revoked_at = now() where public_key = ${h.tenant.publicKey}`
  expect(await passes.isHeldBy(request('http', cookie))).toBe(false)
})
