import { once } from 'node:events'
import { connect } from 'node:net'
import { createHash } from 'node:crypto'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { blobUrl } from '../../src/http/blobs.ts'
import type { App } from '../../src/http/services.ts'
import { createBlobSigner } from '../../src/blobs/signing.ts'
import { secretEnsure } from '../../src/store/write/secrets.ts'
import { BlobsUnavailableError } from '../../src/blobs/store.ts'
import { localHome } from '../../src/blobs/backends/local.ts'
import { bigContent, chunks, everyByte } from '../support/bytes.ts'
import { type Harness, harness, type HarnessOptions } from '../support/harness.ts'

interface File {
  blobId: string
  mimeType: string
  fileName: string
}

interface LinkingHarness extends Harness {
  /** What has a route that makes links in the way that the routes of the dialects do. */
  links: Pick<App, 'inject'>
}

/**
 * The route is added to the server itself where its settings decide how a link begins. Elsewhere it is beside the server,
 * which then need not be one of its own.
 */
async function linkingHarness(options: HarnessOptions = {}): Promise<LinkingHarness> {
  const isPlain = Object.keys(options).length === 0
  const h = await harness(isPlain ? {} : { isOwn: true, ...options })
  const links = isPlain ? fastify() : h.app
  links.post('/api/runmill/test-links', async (request) => {
    request.principal = { tenantId: h.tenant.id, tenantName: '', scopes: [] }
    const parts = { ...h, publicUrl: options.publicUrl ?? null }
    return { url: blobUrl(parts, request, request.body as File) }
  })
  return { ...h, links }
}

async function link(
  h: LinkingHarness,
  file: Partial<File>,
  headers: Record<string, string> = {},
): Promise<URL> {
  const answer = await h.links.inject({
    method: 'POST',
    url: '/api/runmill/test-links',
    headers: { authorization: h.tenant.basic, ...headers },
    payload: { blobId: '', mimeType: 'image/png', fileName: 'a.png', ...file },
  })
  return new URL(answer.json<{ url: string }>().url)
}

async function put(h: Harness, bytes: Uint8Array | string): Promise<string> {
  return (await h.blobs.put(h.tenant.id, chunks(bytes), { maxBytes: 1_000_000 })).id
}

/** Sends a request without a key, as a browser or an SDK does. */
async function fetchLink(
  h: Harness,
  url: URL,
  headers: Record<string, string> = {},
  method: 'GET' | 'HEAD' = 'GET',
): Promise<{ status: number; bytes: Buffer; headers: Record<string, unknown> }> {
  const answer = await h.app.inject({ method, url: url.pathname + url.search, headers })
  return { status: answer.statusCode, bytes: answer.rawPayload, headers: answer.headers }
}

describe('200', () => {
  test('a link serves the bytes to anyone who has it, with the type and name it was made with', async () => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, everyByte) })
    const { status, bytes, headers } = await fetchLink(h, url)
    expect(status).toBe(200)
    expect(bytes).toEqual(everyByte)
    expect(headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(everyByte.length),
      'content-disposition': 'inline; filename=a.png',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    })
    expect(headers['cache-control']).toMatch(/^private, max-age=\d+, immutable$/)
  })

  test('an empty blob is served', async () => {
    const h = await linkingHarness()
    const { status, bytes, headers } = await fetchLink(
      h,
      await link(h, { blobId: await put(h, '') }),
    )
    expect([status, bytes.length, headers['content-length']]).toEqual([200, 0, '0'])
  })

  test('HEAD answers with the same headers and without bytes', async () => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, everyByte) })
    const head = await fetchLink(h, url, {}, 'HEAD')
    const get = await fetchLink(h, url)
    expect(head.bytes).toHaveLength(0)
    const { date: _, ...headers } = head.headers
    expect(get).toMatchObject({ status: 200, headers })
    expect(headers['content-length']).toBe('512')
  })

  test('a link works for a day, and two links made within an hour are identical', async () => {
    const h = await linkingHarness()
    const file = { blobId: await put(h, 'x') }
    const url = await link(h, file)
    expect((await link(h, file)).href).toBe(url.href)
    h.clock.advance(24 * 3_600_000 - 1000)
    expect((await fetchLink(h, url)).status).toBe(200)
  })

  test('every process of an installation accepts the links that the others made', async () => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, 'x') })
    const secrets = await Promise.all(
      Array.from({ length: 5 }, async () => secretEnsure(h.db, 'other-links', h.clock.now())),
    )
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1)
    const again = createBlobSigner(await secretEnsure(h.db, 'blob-links', h.clock.now()))
    const [tenantId, blobId] = url.pathname.split('/').slice(-2) as [string, string]
    const { type, name, expires, signature } = Object.fromEntries(url.searchParams)
    const parts = {
      tenantId,
      blobId,
      type: type!,
      name: name!,
      expires: expires!,
      signature: signature!,
    }
    expect(again.verify(parts)).toMatchObject({ blobId, mimeType: 'image/png' })
  })

  test('100 MB are sent to a slow reader without ever being in memory as a whole', async () => {
    const h = await linkingHarness()
    const size = 100 * 1_048_576
    const big = bigContent(size)
    const { id } = await h.blobs.put(h.tenant.id, big.content, { maxBytes: size })
    const url = await link(h, { blobId: id })
    const origin = await h.listen()
    const before = process.memoryUsage().rss
    let peak = 0
    const hash = createHash('sha256')
    const answer = await fetch(origin + url.pathname + url.search)
    for await (const chunk of answer.body!) {
      hash.update(chunk as Uint8Array)
      peak = Math.max(peak, process.memoryUsage().rss - before)
    }
    expect(hash.digest('hex')).toBe(big.sha256())
    expect(peak).toBeLessThan(64 * 1_048_576)
  })

  test('a reader that goes away leaves no file open', async () => {
    const real: { home?: ReturnType<typeof localHome>; closed?: Promise<unknown> } = {}
    const home = {
      start: async () => {},
      stop: async () => {},
      has: async (...args: Parameters<ReturnType<typeof localHome>['has']>) =>
        real.home!.has(...args),
      write: async (...args: Parameters<ReturnType<typeof localHome>['write']>) =>
        real.home!.write(...args),
      remove: async () => {},
      read: async (...args: Parameters<ReturnType<typeof localHome>['read']>) => {
        const content = await real.home!.read(...args)
        real.closed = once(content!, 'close')
        return content
      },
    }
    const h = await linkingHarness({ blobHome: home })
    real.home = localHome(h.blobFolder)
    const size = 20 * 1_048_576
    const { id } = await h.blobs.put(h.tenant.id, bigContent(size).content, { maxBytes: size })
    const url = await link(h, { blobId: id })
    const { port } = new URL(await h.listen())
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await once(socket, 'data')
    socket.destroy()
    await real.closed
    expect(h.errors).toEqual([])
  })
})

/**
 * Returns what the links begin with when a request with these headers asks for one. The request comes from 127.0.0.1.
 */
async function originOf(h: LinkingHarness, headers: Record<string, string>): Promise<string> {
  return (await link(h, {}, headers)).origin
}

describe('the URL', () => {
  test.each([
    ['the host of the request', { host: 'runmill:3000' }, 'http://runmill:3000'],
    ['an address', { host: '[::1]:3000' }, 'http://[::1]:3000'],
    ['nothing that is no host', { host: 'evil/?x=' }, 'http://127.0.0.1'],
    [
      'nothing that a stranger says of a proxy',
      { host: 'a', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      'http://a',
    ],
  ])('starts with %s', async (_, headers, origin) => {
    const h = await linkingHarness({ isOwn: true })
    expect(await originOf(h, headers)).toBe(origin)
  })

  test.each([
    [
      'what a proxy tells',
      { host: 'inner', 'x-forwarded-host': 'evals.example.com', 'x-forwarded-proto': 'https' },
      'https://evals.example.com',
    ],
    [
      'what the nearest of several proxies tells',
      { host: 'inner', 'x-forwarded-host': 'a, b.example', 'x-forwarded-proto': 'http, https' },
      'https://b.example',
    ],
    ['nothing that is no host', { host: 'a', 'x-forwarded-host': 'evil/?x=' }, 'http://127.0.0.1'],
    ['no other protocol', { host: 'a', 'x-forwarded-proto': 'javascript' }, 'http://a'],
  ])('starts with %s when proxies are trusted', async (_, headers, origin) => {
    const h = await linkingHarness({ trustProxy: true })
    expect(await originOf(h, headers)).toBe(origin)
  })

  test('a proxy is trusted at the configured addresses, and at no other', async () => {
    const headers = { host: 'inner', 'x-forwarded-host': 'evals.example.com' }
    const near = await linkingHarness({ trustProxy: '10.0.0.0/8, loopback' })
    expect(await originOf(near, headers)).toBe('http://evals.example.com')
    const far = await linkingHarness({ trustProxy: '10.0.0.0/8' })
    expect(await originOf(far, headers)).toBe('http://inner')
  })

  test('starts with RUNMILL_PUBLIC_URL when that is set, including its path', async () => {
    const h = await linkingHarness({
      publicUrl: 'https://example.com/runmill',
      trustProxy: true,
    })
    const url = await link(h, {}, { 'x-forwarded-host': 'other' })
    expect(url.href).toMatch(/^https:\/\/example\.com\/runmill\/api\/runmill\/blobs\//)
  })
})

describe('206 and 416', () => {
  test.each([
    ['bytes=0-0', 'bytes 0-0/512', 0, 1],
    ['bytes=100-199', 'bytes 100-199/512', 100, 200],
    ['bytes=500-', 'bytes 500-511/512', 500, 512],
    ['bytes=-12', 'bytes 500-511/512', 500, 512],
    ['bytes=-9999', 'bytes 0-511/512', 0, 512],
    ['bytes=500-9999', 'bytes 500-511/512', 500, 512],
  ])('%s', async (range, contentRange, start, end) => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, everyByte) })
    const { status, bytes, headers } = await fetchLink(h, url, { range })
    expect(status).toBe(206)
    expect(bytes).toEqual(everyByte.subarray(start, end))
    expect(headers).toMatchObject({
      'content-range': contentRange,
      'content-length': String(end - start),
    })
  })

  test.each(['bytes=512-', 'bytes=512-600', 'bytes=-0'])(
    '%s lies outside the blob',
    async (range) => {
      const h = await linkingHarness()
      const url = await link(h, { blobId: await put(h, everyByte) })
      const { status, headers } = await fetchLink(h, url, { range })
      expect([status, headers['content-range']]).toEqual([416, 'bytes */512'])
    },
  )

  test.each(['bytes=5-1', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b', ''])(
    '%j is ignored',
    async (range) => {
      const h = await linkingHarness()
      const url = await link(h, { blobId: await put(h, everyByte) })
      const { status, bytes } = await fetchLink(h, url, { range })
      expect([status, bytes]).toEqual([200, everyByte])
    },
  )

  test('a range with an If-Range of another version is answered with the whole blob', async () => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, everyByte) })
    const range = 'bytes=0-0'
    expect((await fetchLink(h, url, { range, 'if-range': '"old"' })).status).toBe(200)
    const { etag } = (await fetchLink(h, url)).headers
    expect((await fetchLink(h, url, { range, 'if-range': String(etag) })).status).toBe(206)
  })
})

describe('types and names', () => {
  test.each([
    ['text/html', 'text/html', 'attachment'],
    ['image/svg+xml', 'image/svg+xml', 'attachment'],
    ['text/plain; charset=utf-8', 'text/plain; charset=utf-8', 'inline'],
    ['application/vnd.a+json;v="1 2"', 'application/vnd.a+json;v="1 2"', 'attachment'],
    ['audio/wav', 'audio/wav', 'inline'],
    ['', 'application/octet-stream', 'attachment'],
    ['png', 'application/octet-stream', 'attachment'],
    ['image/png\r\nSet-Cookie: a=b', 'application/octet-stream', 'attachment'],
    ['image/日本', 'application/octet-stream', 'attachment'],
    ['image/png; \0', 'application/octet-stream', 'attachment'],
    [`a/${'b'.repeat(5000)}`, 'application/octet-stream', 'attachment'],
    [`a/b${';c=""'.repeat(40)}\n`, 'application/octet-stream', 'attachment'],
  ])('the type %j is served as %s, %s', async (mimeType, served, disposition) => {
    const h = await linkingHarness()
    const { status, headers } = await fetchLink(
      h,
      await link(h, { blobId: await put(h, 'x'), mimeType }),
    )
    expect([status, headers['content-type']]).toEqual([200, served])
    expect(headers['content-disposition']).toMatch(new RegExp(`^${disposition};`))
    expect(headers).not.toHaveProperty('set-cookie')
  })

  test.each([
    ['report.txt', 'inline; filename=report.txt'],
    ['my "best" plot;x=y.png', String.raw`inline; filename="my \"best\" plot;x=y.png"`],
    ['../../etc/passwd', 'inline; filename=.._.._etc_passwd'],
    ['a\\b', 'inline; filename=a_b'],
    ['a\r\nSet-Cookie: b=c', 'inline; filename="a__Set-Cookie: b=c"'],
    [
      'Übung 日本.png',
      `inline; filename="?bung ??.png"; filename*=UTF-8''%C3%9Cbung%20%E6%97%A5%E6%9C%AC.png`,
    ],
    ['', 'inline; filename=attachment'],
    ['\ud800', `inline; filename="?"; filename*=UTF-8''%EF%BF%BD`],
    ['n'.repeat(5000), `inline; filename=${'n'.repeat(255)}`],
  ])('the name %j is safe in a header', async (fileName, disposition) => {
    const h = await linkingHarness()
    const { status, headers } = await fetchLink(
      h,
      await link(h, { blobId: await put(h, 'x'), fileName }),
    )
    expect([status, headers['content-disposition']]).toEqual([200, disposition])
  })
})

describe('403', () => {
  test('a link becomes invalid by any change to it', async () => {
    const h = await linkingHarness()
    const [blobId, otherBlob] = [await put(h, 'x'), await put(h, 'y')]
    const other = await h.addTenant()
    const url = await link(h, { blobId })
    const changed = (change: (copy: URL) => void): URL => {
      const copy = new URL(url)
      change(copy)
      expect(copy.href).not.toBe(url.href)
      return copy
    }
    const set = (name: string, value: string) =>
      changed((copy) => copy.searchParams.set(name, value))
    const signature = url.searchParams.get('signature')!
    const forgeries = [
      set('type', 'text/html'),
      set('name', 'b.png'),
      set('expires', String(Number(url.searchParams.get('expires')) + 1)),
      set('expires', `0${url.searchParams.get('expires')!}`),
      set('signature', signature.slice(0, -1)),
      set('signature', `${signature}A`),
      set('signature', ''),
      set('signature', (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)),
      set('signature', 'é'.repeat(43)),
      changed((copy) => copy.searchParams.delete('signature')),
      changed((copy) => (copy.search = '')),
      changed((copy) => (copy.pathname = copy.pathname.replace(blobId, otherBlob))),
      changed((copy) => (copy.pathname = copy.pathname.replace(h.tenant.id, other.id))),
      changed((copy) => (copy.pathname = copy.pathname.replace(blobId, '..%2f..%2fetc%2fpasswd'))),
    ]
    for (const forged of forgeries) {
      const { status, bytes } = await fetchLink(h, forged)
      expect([forged.href, status, bytes.toString()]).toEqual([
        forged.href,
        403,
        '{"error":"The link is not valid"}',
      ])
    }
    expect(h.errors).toEqual([])
  })

  test('an expired link is answered as such, and the answer must not be cached', async () => {
    const h = await linkingHarness()
    const url = await link(h, { blobId: await put(h, 'x') })
    h.clock.advance(26 * 3_600_000)
    const { status, bytes, headers } = await fetchLink(h, url)
    expect([status, bytes.toString()]).toEqual([403, '{"error":"The link has expired"}'])
    expect(headers['cache-control']).toBe('no-store')
  })
})

describe('404', () => {
  test("a link never leads to another tenant's copy, or to a deleted blob", async () => {
    const h = await linkingHarness()
    const other = await h.addTenant()
    const { id } = await h.blobs.put(other.id, chunks('theirs'), { maxBytes: 10 })
    const url = await link(h, { blobId: id })
    expect((await fetchLink(h, url)).status).toBe(404)
    await put(h, 'theirs')
    expect((await fetchLink(h, url)).status).toBe(200)
    await h.blobs.removeUnused(h.tenant.id, id, '2026-01-22T14:35:42.000000Z')
    expect((await fetchLink(h, url)).status).toBe(404)
  })
})

describe('503', () => {
  test('while the bytes cannot be reached, with Retry-After', async () => {
    const h = await linkingHarness({
      blobHome: {
        start: async () => {},
        stop: async () => {},
        has: async () => true,
        write: async () => {},
        remove: async () => {},
        read: async () => {
          throw new BlobsUnavailableError('away')
        },
      },
    })
    const url = await link(h, { blobId: await put(h, 'x') })
    const { status, headers } = await fetchLink(h, url)
    expect([status, headers['retry-after']]).toEqual([503, '5'])
    expect(h.errors).toEqual([])
  })
})
