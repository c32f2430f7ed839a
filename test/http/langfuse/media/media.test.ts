import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BlobsUnavailableError } from '../../../../src/blobs/store.ts'
import { localHome } from '../../../../src/blobs/backends/local.ts'
import { chunks } from '../../../support/bytes.ts'
import { type Harness, harness } from '../../../support/harness.ts'
import type { TestTenant } from '../../../support/tenant.ts'

const base = '/api/public'
const bytes = Buffer.from('\x89PNG\r\n\x1a\n and some more')
const sha256Hash = hashOf(bytes)
const mediaId = sha256Hash.replaceAll('+', '-').replaceAll('/', '_').slice(0, 22)
const announcement = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  field: 'input',
  contentType: 'image/png',
  contentLength: bytes.length,
  sha256Hash,
}

function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64')
}

async function announce(h: Harness, body: object = {}, as: TestTenant = h.tenant) {
  return h.callAs(as, 'POST', `${base}/media`, { ...announcement, ...body })
}

/** Sends a request without a key, as an SDK does. */
async function put(
  h: Harness,
  url: string,
  content: Buffer = bytes,
  headers: Record<string, string> = {},
) {
  const { pathname, search } = new URL(url)
  const answer = await h.app.inject({
    method: 'PUT',
    url: pathname + search,
    headers: {
      'content-type': 'image/png',
      'x-amz-checksum-sha256': hashOf(content),
      'x-ms-blob-type': 'BlockBlob',
      ...headers,
    },
    payload: content,
  })
  return { status: answer.statusCode, text: answer.body }
}

async function get(h: Harness, id = mediaId, as: TestTenant = h.tenant) {
  return h.callAs(as, 'GET', `${base}/media/${encodeURIComponent(id)}`)
}

async function upload(h: Harness): Promise<void> {
  const { body } = await announce(h)
  expect(await put(h, body.uploadUrl)).toMatchObject({ status: 200 })
}

async function download(h: Harness, link: string) {
  const { pathname, search } = new URL(link)
  return h.app.inject({ method: 'GET', url: pathname + search })
}

describe('201', () => {
  test('an announced file gets the id that its client computes, and a link to upload it', async () => {
    const h = await harness()
    const { status, body } = await announce(h)
    expect(status).toBe(201)
    expect(body).toEqual({ mediaId, uploadUrl: expect.stringMatching(/^http:\/\/.+signature=/) })
    const again = await announce(h)
    expect(again).toMatchObject({ status: 201, body: { mediaId } })
    expect(again.body.uploadUrl).not.toBeNull()
  })

  test('a file that is already stored is not uploaded again, whatever it belongs to', async () => {
    const h = await harness()
    await upload(h)
    const { body: dataset } = await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    const ofItem = { traceId: null, datasetId: dataset.id, datasetItemId: 'not yet' }
    for (const other of [{}, { observationId: 'o' }, { ...ofItem, field: 'expectedOutput' }]) {
      expect(await announce(h, other)).toMatchObject({
        status: 201,
        body: { mediaId, uploadUrl: null },
      })
    }
  })

  test('a file that arrived as an attachment through LangSmith is already stored', async () => {
    const h = await harness()
    await h.blobs.put(h.tenant.id, chunks(bytes), { maxBytes: 1000 })
    expect((await announce(h, { contentLength: 1 })).body).toEqual({ mediaId, uploadUrl: null })
    expect((await get(h)).body).toMatchObject({ contentLength: bytes.length })
  })

  test('the same file must be uploaded again for another tenant', async () => {
    const h = await harness()
    await upload(h)
    const other = await h.addTenant()
    const { body } = await announce(h, {}, other)
    expect(body.uploadUrl).not.toBeNull()
    expect((await get(h, mediaId, other)).status).toBe(404)
  })
})

describe('200', () => {
  test('announce, upload, report, read, download', async () => {
    const h = await harness()
    await upload(h)
    const told = await h.call('PATCH', `${base}/media/${mediaId}`, {
      uploadedAt: '2026-01-21T14:35:50.123456Z',
      uploadHttpStatus: 200,
      uploadHttpError: null,
      uploadTimeMs: 12,
    })
    expect(told).toMatchObject({ status: 200, body: { message: 'OK' } })
    const { status, body } = await get(h)
    expect(status).toBe(200)
    expect(body).toEqual({
      mediaId,
      contentType: 'image/png',
      contentLength: bytes.length,
      url: expect.any(String),
      urlExpiry: expect.stringMatching(/^2026-01-22T\d\d:00:00\.000Z$/),
      uploadedAt: '2026-01-21T14:35:50.123Z',
    })
    const file = await download(h, body.url)
    expect(file.statusCode).toBe(200)
    expect(file.rawPayload).toEqual(bytes)
    expect(file.headers['content-type']).toBe('image/png')
  })

  test('a file can be read once it is uploaded, whether or not its client reports that', async () => {
    const h = await harness()
    await upload(h)
    expect((await get(h)).body.uploadedAt).toMatch(/^2026-01-21T14:35:/)
  })

  test('uploading the same bytes twice is no error', async () => {
    const h = await harness()
    const { body } = await announce(h)
    expect((await put(h, body.uploadUrl)).status).toBe(200)
    expect((await put(h, body.uploadUrl)).status).toBe(200)
    expect(await h.db`select from blobs`).toHaveLength(1)
  })

  test('an upload needs neither a checksum header nor a content type, and may be compressed', async () => {
    const h = await harness()
    const { body } = await announce(h)
    const { pathname, search } = new URL(body.uploadUrl)
    const answer = await h.app.inject({
      method: 'PUT',
      url: pathname + search,
      headers: { 'content-encoding': 'gzip' },
      payload: gzipSync(bytes),
    })
    expect(answer.statusCode, answer.body).toBe(200)
    expect((await download(h, (await get(h)).body.url)).rawPayload).toEqual(bytes)
  })

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain'])(
    'a body of type %s is stored unchanged',
    async (contentType) => {
      const h = await harness()
      const { body } = await announce(h)
      const { status } = await put(h, body.uploadUrl, bytes, { 'content-type': contentType })
      expect(status).toBe(200)
      expect((await download(h, (await get(h)).body.url)).rawPayload).toEqual(bytes)
    },
  )

  test('a file far above the limit of other bodies is streamed', async () => {
    const h = await harness()
    const content = randomBytes(30_000_000)
    const { body } = await announce(h, {
      contentLength: content.length,
      sha256Hash: hashOf(content),
      contentType: 'video/mp4',
    })
    expect(await put(h, body.uploadUrl, content)).toMatchObject({ status: 200 })
    expect((await get(h, body.mediaId)).body.contentLength).toBe(content.length)
  })

  test('items list the media they refer to, field by field, in every way to read them', async () => {
    const h = await harness()
    await upload(h)
    await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    const referenceString = `@@@langfuseMedia:type=image/png|id=${mediaId}|source=bytes@@@`
    const item = {
      datasetName: 'ds',
      id: 'i',
      input: { "it's": [1, `see ${referenceString} and ${referenceString}`] },
      expectedOutput: referenceString,
      metadata: { plain: 'text' },
    }
    const written = await h.call('POST', `${base}/dataset-items`, item)
    expect(written.status, written.text).toBe(200)
    const media = {
      mediaId,
      contentType: 'image/png',
      contentLength: bytes.length,
      url: expect.stringContaining('signature='),
      urlExpiry: expect.stringMatching(/Z$/),
    }
    const inInput = { field: 'input', referenceString, jsonPath: `$['it\\'s'][1]`, media }
    const references = [
      inInput,
      inInput,
      { field: 'expectedOutput', referenceString, jsonPath: '$', media },
    ]
    expect(written.body.mediaReferences).toEqual(references)
    const one = await h.call('GET', `${base}/dataset-items/i`)
    const list = await h.call('GET', `${base}/dataset-items?datasetName=ds`)
    const whole = await h.call('GET', `${base}/datasets/ds`)
    for (const read of [one.body, list.body.data[0], whole.body.items[0]]) {
      expect(read.mediaReferences).toEqual(references)
      expect(read.input).toEqual(item.input)
    }
    const file = await download(h, one.body.mediaReferences[0].media.url)
    expect(file.rawPayload).toEqual(bytes)
  })

  test('an item may refer to a file that is announced but not uploaded, and shows it once it is', async () => {
    const h = await harness()
    await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    const { body } = await announce(h)
    const input = `@@@langfuseMedia:type=image/png|id=${mediaId}|source=bytes@@@`
    const item = { datasetName: 'ds', id: 'i', input }
    const written = await h.call('POST', `${base}/dataset-items`, item)
    expect(written).toMatchObject({ status: 200, body: { mediaReferences: [] } })
    await put(h, body.uploadUrl)
    const read = await h.call('GET', `${base}/dataset-items/i`)
    expect(read.body.mediaReferences).toMatchObject([{ jsonPath: '$', media: { mediaId } }])
  })
})

describe('400', () => {
  const nothing = { traceId: null }
  test.each([
    ['no body', undefined],
    ['no object', []],
    ['an unknown type', { ...announcement, contentType: 'image/x-unheard-of' }],
    ['a length of 0', { ...announcement, contentLength: 0 }],
    ['a broken length', { ...announcement, contentLength: 1.5 }],
    ['a length as text', { ...announcement, contentLength: '5' }],
    ['a length beyond the limit', { ...announcement, contentLength: 1_000_000_001 }],
    ['a length beyond every number', { ...announcement, contentLength: 1e300 }],
    ['a hash in hex', { ...announcement, sha256Hash: 'a'.repeat(64) }],
    ['a short hash', { ...announcement, sha256Hash: 'AAAA' }],
    ['a hash that is no base64', { ...announcement, sha256Hash: `${'!'.repeat(43)}=` }],
    ['a hash with set spare bits', { ...announcement, sha256Hash: `${'A'.repeat(42)}B=` }],
    ['an unknown field', { ...announcement, field: 'expectedOutput' }],
    [
      'a field of traces for an item',
      { ...announcement, ...nothing, datasetId: 'd', datasetItemId: 'i', field: 'output' },
    ],
    ['neither a trace nor an item', { ...announcement, ...nothing }],
    ['an observation without its trace', { ...announcement, ...nothing, observationId: 'o' }],
    ['half an item', { ...announcement, ...nothing, datasetId: 'd' }],
    ['a trace and an item', { ...announcement, datasetId: 'd', datasetItemId: 'i' }],
    ['a trace that is a number', { ...announcement, traceId: 1 }],
  ])('announcing with %s', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/media`, body)
    expect(answer.status, answer.text).toBe(400)
    expect(await h.db`select from media`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('bytes that differ from those announced are not stored', async () => {
    const h = await harness()
    const { body } = await announce(h)
    const other = Buffer.from(bytes)
    other[0] = 0
    const checksum = { 'x-amz-checksum-sha256': sha256Hash }
    expect((await put(h, body.uploadUrl, other)).status).toBe(400)
    expect((await put(h, body.uploadUrl, other, checksum)).text).toContain('SHA-256')
    expect((await put(h, body.uploadUrl, bytes.subarray(1), checksum)).text).toContain(
      'Content-Length',
    )
    expect((await put(h, body.uploadUrl, Buffer.alloc(0), checksum)).status).toBe(400)
    const broken = { ...checksum, 'content-encoding': 'gzip' }
    expect((await put(h, body.uploadUrl, bytes, broken)).status).toBe(400)
    expect(await h.db`select from blobs`).toHaveLength(0)
    expect(await get(h)).toMatchObject({
      status: 404,
      body: { message: 'Media not yet uploaded', error: 'LangfuseNotFoundError' },
    })
    expect(h.errors).toEqual([])
  })

  test.each([
    ['nothing', {}],
    ['no status', { uploadedAt: '2026-01-21T14:35:50Z' }],
    ['a word as time', { uploadedAt: 'yesterday', uploadHttpStatus: 200 }],
    ['a status as text', { uploadedAt: '2026-01-21T14:35:50Z', uploadHttpStatus: '200' }],
    ['a huge status', { uploadedAt: '2026-01-21T14:35:50Z', uploadHttpStatus: 1e12 }],
    [
      'a negative duration',
      { uploadedAt: '2026-01-21T14:35:50Z', uploadHttpStatus: 200, uploadTimeMs: -1 },
    ],
  ])('reporting %s about an upload', async (_, body) => {
    const h = await harness()
    await announce(h)
    expect((await h.call('PATCH', `${base}/media/${mediaId}`, body)).status).toBe(400)
    expect(h.errors).toEqual([])
  })

  test('an item that refers to media of another tenant, or to media that do not exist', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await announce(h, {}, other)
    await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    for (const id of [mediaId, 'a\u0000b', '\ud800']) {
      const metadata = { deep: [{ image: `@@@langfuseMedia:type=image/png|id=${id}|source=x@@@` }] }
      const answer = await h.call('POST', `${base}/dataset-items`, {
        datasetName: 'ds',
        input: 1,
        metadata,
      })
      expect(answer.status).toBe(400)
      expect(answer.body.message).toMatch(/^Dataset item references unknown media: /)
    }
    expect(await h.db`select from examples`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('text that only resembles a reference stays text, however long it is', async () => {
    const h = await harness()
    await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    for (const input of [
      '@@@langfuseMedia:@@@',
      '@@@langfuseMedia:type=image/png|id=|source=x@@@',
      `@@@langfuseMedia:${'|id=a'.repeat(50_000)}`,
      '@@@langfuseMedia:'.repeat(50_000),
    ]) {
      const answer = await h.call('POST', `${base}/dataset-items`, { datasetName: 'ds', input })
      expect(answer).toMatchObject({ status: 200, body: { input, mediaReferences: [] } })
    }
  })
})

describe('401 and 403', () => {
  test('announcing, reporting and reading need a key', async () => {
    const h = await harness()
    for (const [method, path] of [
      ['POST', '/media'],
      ['PATCH', `/media/${mediaId}`],
      ['GET', `/media/${mediaId}`],
    ] as const) {
      const answer = await h.call(method, base + path, announcement, {
        authorization: 'Basic eDp5',
      })
      expect(answer.status).toBe(401)
    }
  })

  test('a link that was modified, made for another file or tenant, or has expired stores nothing', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await announce(h, {}, other)
    const { body } = await announce(h)
    const changes: [string, string | null][] = [
      ['tenant', other.id],
      ['tenant', 'x'],
      ['expires', '9999999999'],
      ['expires', 'NaN'],
      ['signature', 'AAAA'],
      ['signature', null],
    ]
    for (const [name, value] of changes) {
      const url = new URL(body.uploadUrl)
      if (value === null) url.searchParams.delete(name)
      else url.searchParams.set(name, value)
      expect((await put(h, url.href)).status).toBe(403)
    }
    const elsewhere = body.uploadUrl.replace(mediaId, 'A'.repeat(22))
    expect((await put(h, elsewhere)).status).toBe(403)
    h.clock.advance(3_700_000)
    expect(await put(h, body.uploadUrl)).toMatchObject({ status: 403 })
    expect(await h.db`select from blobs`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })
})

describe('404', () => {
  test('media that nobody has announced in this tenant', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await announce(h, {}, other)
    const body = { uploadedAt: '2026-01-21T14:35:50Z', uploadHttpStatus: 200 }
    for (const id of [mediaId, 'x', '%00', '%ED%A0%80', 'a'.repeat(3000)]) {
      const answers = [
        await h.call('GET', `${base}/media/${id}`),
        await h.call('PATCH', `${base}/media/${id}`, body),
      ]
      for (const { status } of answers) expect([400, 404]).toContain(status)
    }
    expect((await get(h)).body.error).toBe('LangfuseNotFoundError')
    const ofItem = { traceId: null, datasetId: 'unknown', datasetItemId: 'i' }
    expect(await announce(h, ofItem)).toMatchObject({
      status: 404,
      body: { error: 'LangfuseNotFoundError' },
    })
    expect(h.errors).toEqual([])
  })

  test('an upload that failed is shown as failed', async () => {
    const h = await harness()
    await announce(h)
    await h.call('PATCH', `${base}/media/${mediaId}`, {
      uploadedAt: '2026-01-21T14:35:50Z',
      uploadHttpStatus: 403,
      uploadHttpError: 'Forbidden',
    })
    expect(await get(h)).toMatchObject({
      status: 404,
      body: { message: 'Media upload failed with status 403: Forbidden' },
    })
  })

  test('a report of an upload that never arrived is not believed', async () => {
    const h = await harness()
    await announce(h)
    await h.call('PATCH', `${base}/media/${mediaId}`, {
      uploadedAt: '2026-01-21T14:35:50Z',
      uploadHttpStatus: 200,
    })
    expect((await get(h)).status).toBe(404)
    expect((await announce(h)).body.uploadUrl).not.toBeNull()
  })
})

describe('503', () => {
  test('while the storage is unreachable, uploads are refused and succeed when they are repeated later', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runmill-media-'))
    const home = localHome(folder)
    let isAway = true
    const h = await harness({
      blobHome: {
        ...home,
        write: async (key, file) => {
          if (isAway) throw new BlobsUnavailableError('away')
          await home.write(key, file)
        },
      },
    })
    const { body } = await announce(h)
    expect((await put(h, body.uploadUrl)).status).toBe(503)
    expect(await h.db`select from blobs`).toHaveLength(0)
    isAway = false
    expect((await put(h, body.uploadUrl)).status).toBe(200)
    expect((await download(h, (await get(h)).body.url)).rawPayload).toEqual(bytes)
    expect(h.errors).toEqual([])
    await rm(folder, { recursive: true })
  })
})
