import fastify from 'fastify'
import { expect, test } from 'vitest'
import { setSecurityHeaders } from '../../src/http/front-door/security-headers.ts'
import { harness } from '../support/harness.ts'
import { seedTenant } from '../support/seeded-tenant.ts'

const common = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}

const ofData = {
  ...common,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

test('every answer tells browsers to guess, frame, cache and run nothing, whatever its status and dialect', async () => {
  const h = await harness()
  const theirs = await seedTenant(h, h.tenant, 'zqheaders')
  const requests: [
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    status: number,
    body?: object,
  ][] = [
    ['GET', '/livez', 200],
    ['GET', '/metrics', 200],
    ['GET', '/info', 200],
    ['GET', '/sessions', 200],
    ['GET', `/datasets/${theirs.datasetId}/csv`, 200],
    ['GET', `/datasets/${theirs.datasetId}/jsonl`, 200],
    ['GET', '/api/public/traces', 200],
    ['GET', `/public/${theirs.runShareToken}/run`, 200],
    ['POST', '/v1/traces', 200, {}],
    ['POST', '/api/public/ingestion', 207, { batch: [] }],
    ['POST', '/runs/batch', 422, []],
    ['GET', '/api/public/traces?filter=nope', 400],
    ['GET', '/nothing', 404],
    ['GET', '/api/public/nothing', 404],
    ['DELETE', '/livez', 405],
    ['GET', `${theirs.blobLink}x`, 403],
    ['GET', '/%', 400],
    ['GET', '/api/public/%', 400],
  ]
  for (const [method, url, status, body] of requests) {
    const answer = await h.call(method, url, body)
    expect(answer.status, `${method} ${url} ${answer.text}`).toBe(status)
    expect(answer.headers, `${method} ${url}`).toMatchObject(ofData)
  }
  const refused = await h.call('GET', '/sessions', undefined, { 'x-api-key': 'wrong' })
  expect(refused).toMatchObject({ status: 401, headers: ofData })
})

test('an attachment keeps its own policy and may be cached by the browser', async () => {
  const h = await harness()
  const { blobLink } = await seedTenant(h, h.tenant, 'zqheaders')
  const { status, headers } = await h.call('GET', blobLink)
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    ...common,
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': expect.stringMatching(/^private, max-age=\d+, immutable$/),
  })
})

test('the page of the documentation runs its own scripts only, and no other page may frame it', async () => {
  const h = await harness()
  const page = await h.call('GET', '/docs/')
  expect(page.status).toBe(200)
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'; script-src 'self';")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(page.headers).toMatchObject(common)
  // What the policy allows is what the page needs: a script in the page itself would not run.
  expect(page.text).not.toMatch(/<script(?![^>]* src="\.?\/)/)
  const scripts = [...page.text.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map((match) => match[1]!)
  expect(scripts.length).toBeGreaterThan(3)
  for (const script of scripts) {
    expect((await h.call('GET', `/docs/${script.slice(2)}`)).status, script).toBe(200)
  }
})

test('a route with a page of its own sets another policy', async () => {
  const app = fastify()
  setSecurityHeaders(app)
  const contentSecurityPolicy = "default-src 'self'"
  app.get('/', { config: { contentSecurityPolicy } }, async () => 'page')
  const { headers } = await app.inject('/')
  expect(headers).toMatchObject({ ...common, 'content-security-policy': contentSecurityPolicy })
})

test('health, metrics and documentation are at their own paths only', async () => {
  const h = await harness()
  for (const path of ['livez', 'readyz', 'metrics', 'docs/json', 'docs/static/index.css']) {
    for (const prefix of ['/api/', '/api/v1/', '//', '///', '//api/v1/', '/api//', '/%6']) {
      const url =
        prefix === '/%6' ? `/%${path.charCodeAt(0).toString(16)}${path.slice(1)}` : prefix + path
      expect((await h.call('GET', url)).status, url).toBe(404)
    }
    expect((await h.call('GET', `/${path}`)).status, path).toBe(200)
  }
  for (const prefix of ['', '/', '/api', '/api/v1', '//api/v1']) {
    expect((await h.call('GET', `${prefix}/info`)).status).toBe(200)
  }
})
