import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { harness } from '../support/harness.ts'

test('signatures, tokens and queries of failed requests are not logged, whichever dialect answers', async () => {
  const h = await harness({ isOwn: true })
  const expires = String(Math.floor(Date.now() / 1000) + 1e9)
  const mediaId = 'm'.repeat(22)
  const upload = { tenantId: h.tenant.id, mediaId, expiresAt: Number(expires) }
  const signature = h.blobSigner.signUpload(upload)
  const blob = h.blobSigner.sign({
    tenantId: h.tenant.id,
    blobId: randomUUID(),
    mimeType: 'image/png',
    fileName: 'private.png',
    expiresAt: Number(expires),
  })
  const token = randomUUID()
  const secrets = [
    signature,
    new URL(blob, 'http://x').searchParams.get('signature')!,
    token,
    'private',
  ]
  const uploadQuery = `tenant=${h.tenant.id}&expires=${expires}&signature=${signature}`
  // Each of these requests finds its table gone.
  const requests = [
    ['PUT', `/api/public/media/${mediaId}/content?${uploadQuery}`, 'media'],
    ['GET', '/api/public/v2/datasets/evals%2Fqa?apiKey=private', 'datasets'],
    ['GET', blob, 'blobs'],
    ['GET', `/public/${token}/datasets?x=private`, 'shares'],
    ['GET', `/api/v1/feedback/tokens/${token}?score=1&comment=private`, 'feedback_tokens'],
    ['GET', '/sessions?name=private', 'experiments'],
    ['POST', '/v1/traces?apiKey=private', 'experiments'],
  ] as const
  for (const table of new Set(requests.map(([, , name]) => name))) {
    await h.db`drop table ${h.db(table)} cascade`
  }
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), startTimeUnixNano: '1' }
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
  for (const [method, url] of requests) {
    const answer = await h.call(method, url, method === 'GET' ? undefined : body)
    expect(answer.status, `${method} ${url} ${answer.text}`).toBe(500)
  }
  const paths = h.errors.map((line) => /"method":"\w+","path":"([^"]*)"/.exec(line)?.[1])
  expect(paths).toEqual([
    `/api/public/media/${mediaId}/content`,
    '/api/public/v2/datasets/evals%2Fqa',
    blob.split('?')[0],
    '/public/:share_token/datasets',
    '/feedback/tokens/:token',
    '/sessions',
    '/v1/traces',
  ])
  for (const secret of [...secrets, h.tenant.secretKey]) {
    expect(h.errors.join('\n')).not.toContain(secret)
  }
})
