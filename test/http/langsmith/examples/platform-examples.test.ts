import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { BlobsUnavailableError } from '../../../../src/blobs/store.ts'
import { everyByte } from '../../../support/bytes.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { boundary, encode, multipartType, type GivenPart } from '../../../support/multipart.ts'
import type { TestTenant } from '../../../support/tenant.ts'

interface SendOptions {
  as?: TestTenant
  style?: 'js' | 'python'
  contentType?: string
  prefix?: string
}

async function send(
  h: Harness,
  method: 'POST' | 'PATCH',
  datasetId: string,
  given: GivenPart[] | Buffer,
  { as = h.tenant, style = 'js', contentType = multipartType, prefix = '' }: SendOptions = {},
): Promise<Answer> {
  const response = await h.app.inject({
    method,
    url: `${prefix}/platform/datasets/${datasetId}/examples`,
    headers: { 'x-api-key': as.secretKey, 'content-type': contentType },
    payload: Buffer.isBuffer(given) ? given : encode(given, style),
  })
  const { statusCode: status, body: text, headers } = response
  return { status, text, headers, body: JSON.parse(text) }
}

async function makeDataset(h: Harness, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0, 255])

/** The main part, the inputs, and a file under each of the names. */
function example(id: string, attachments: Record<string, Buffer | string> = {}): GivenPart[] {
  return [
    { name: id, value: '{}' },
    { name: `${id}.inputs`, value: '{"q": 1.0}' },
    ...Object.entries(attachments).map(([name, value]) => ({
      name: `${id}.attachment.${name}`,
      value,
      type: 'text/plain',
    })),
  ]
}

type Shown = Record<string, { presigned_url: string; s3_url: string; mime_type: string }>

/** The name and content of each attachment, in the order shown. */
async function contents(h: Harness, urls: Shown | null): Promise<[string, string][]> {
  const found: [string, string][] = []
  for (const [name, { presigned_url: url }] of Object.entries(urls ?? {})) {
    const { pathname, search } = new URL(url)
    const answer = await h.app.inject({ method: 'GET', url: pathname + search })
    expect(answer.statusCode).toBe(200)
    found.push([name, answer.rawPayload.toString('latin1')])
  }
  return found
}

async function attachmentsOf(h: Harness, id: string): Promise<[string, string][]> {
  const answer = await h.call('GET', `/examples/${id}`)
  return contents(h, answer.body.attachment_urls as Shown | null)
}

describe('201 POST', () => {
  test('examples with attachments read back byte for byte, in order, under every prefix', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    for (const [style, prefix] of [
      ['js', '/v1'],
      ['python', '/api/v1'],
      ['js', ''],
    ] as const) {
      const [first, second] = [randomUUID(), randomUUID()]
      const made = await send(
        h,
        'POST',
        datasetId,
        [
          { name: first, value: '{"metadata": {"n": 1.0}, "split": ["test", "train"]}' },
          { name: `${first}.inputs`, value: '{"q": 12345678901234567890}' },
          { name: `${first}.outputs`, value: '{"a": "\\u0000"}' },
          { name: `${first}.attachment.z.y.png`, value: png, type: 'image/png' },
          { name: `${first}.attachments.bytes`, value: everyByte, type: 'text/plain; charset=x' },
          { name: second, value: '{}' },
          { name: `${second}.inputs`, value: '{}' },
          { name: `${first}.attachment.empty`, value: '', type: 'text/csv' },
        ],
        { style, prefix },
      )
      expect(made).toMatchObject({
        status: 201,
        body: { count: 2, example_ids: [first, second], as_of: expect.stringMatching(/\dZ$/) },
      })
      const read = await h.call('GET', `/examples/${first}`)
      expect(read.text).toContain('"inputs":{"q": 12345678901234567890},"outputs":{"a": "\\u0000"}')
      expect(read.body).toMatchObject({
        modified_at: made.body.as_of,
        metadata: { n: 1, dataset_split: ['test', 'train'] },
      })
      const urls = read.body.attachment_urls as Shown
      expect(Object.entries(urls).map(([key, { mime_type: type }]) => [key, type])).toEqual([
        ['attachment.z.y.png', 'image/png'],
        ['attachment.bytes', 'text/plain; charset=x'],
        ['attachment.empty', 'text/csv'],
      ])
      expect(await contents(h, urls)).toEqual([
        ['attachment.z.y.png', png.toString('latin1')],
        ['attachment.bytes', everyByte.toString('latin1')],
        ['attachment.empty', ''],
      ])
      expect((await h.call('GET', `/examples/${second}`)).body).toMatchObject({
        modified_at: made.body.as_of,
        outputs: null,
        attachment_urls: null,
      })
    }
    expect(h.errors).toEqual([])
  })

  test('one request is one version, and older versions keep their attachments', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    const made = await send(h, 'POST', datasetId, example(id, { a: 'old' }))
    await send(h, 'PATCH', datasetId, example(id, { a: 'new' }))
    const asOf = encodeURIComponent(made.body.as_of as string)
    const before = await h.call('GET', `/examples/${id}?as_of=${asOf}`)
    expect(await contents(h, before.body.attachment_urls)).toEqual([['attachment.a', 'old']])
    expect(await attachmentsOf(h, id)).toEqual([['attachment.a', 'new']])
  })

  test('lists show attachments only when asked to, and comparisons always do', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    await send(h, 'POST', datasetId, example(id, { a: 'A', b: 'B' }))
    const list = async (query: string) =>
      (await h.call('GET', `/examples?dataset=${datasetId}${query}`)).body[0]
    expect(await list('')).not.toHaveProperty('attachment_urls')
    const selected = await list('&select=attachment_urls&select=outputs&select=metadata')
    const both = [
      ['attachment.a', 'A'],
      ['attachment.b', 'B'],
    ]
    expect(await contents(h, selected.attachment_urls)).toEqual(both)

    const session = await h.call('POST', '/sessions', {
      name: 'experiment',
      reference_dataset_id: datasetId,
    })
    const runId = randomUUID()
    await h.call('POST', '/runs', {
      id: runId,
      name: 'target',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42Z',
      session_id: session.body.id,
      reference_example_id: id,
    })
    await h.drain()
    const compared = await h.call('POST', `/datasets/${datasetId}/runs`, {
      session_ids: [session.body.id],
    })
    expect(await contents(h, compared.body[0].attachment_urls)).toEqual(both)
  })

  test('an example can take inputs, outputs and all or the named attachments from its source run', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const runId = randomUUID()
    const run = {
      id: runId,
      name: 'source',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42Z',
      inputs: { i: 1 },
      outputs: { o: 2 },
    }
    const ingested = await h.app.inject({
      method: 'POST',
      url: '/runs/multipart',
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
      payload: encode([
        { name: `post.${runId}`, value: JSON.stringify(run) },
        ...['one', 'two', 'three'].map((name) => ({
          name: `attachment.${runId}.${name}`,
          value: name,
          type: 'text/plain',
        })),
      ]),
    })
    expect(ingested.statusCode).toBe(202)
    await h.drain()
    const id = randomUUID()
    const source = {
      source_run_id: runId,
      use_source_run_io: true,
      use_source_run_attachments: ['two', 'one'],
    }
    const made = await send(h, 'POST', datasetId, [
      { name: id, value: JSON.stringify(source) },
      { name: `${id}.attachment.one`, value: 'mine', type: 'text/plain' },
    ])
    expect(made.status).toBe(201)
    expect((await h.call('GET', `/examples/${id}`)).body).toMatchObject({
      inputs: { i: 1 },
      outputs: { o: 2 },
      source_run_id: runId,
    })
    expect(await attachmentsOf(h, id)).toEqual([
      ['attachment.one', 'one'],
      ['attachment.two', 'two'],
      ['attachment.three', 'three'],
    ])
    const named = randomUUID()
    const some = { ...source, use_source_run_io: false }
    const kept = await send(h, 'POST', datasetId, [
      { name: named, value: JSON.stringify(some) },
      { name: `${named}.attachment.four`, value: 'mine', type: 'text/plain' },
    ])
    expect(kept.status).toBe(201)
    expect(await attachmentsOf(h, named)).toEqual([
      ['attachment.two', 'two'],
      ['attachment.one', 'one'],
    ])
    const all = await h.call('POST', '/examples', {
      dataset_id: datasetId,
      source_run_id: runId,
      use_source_run_io: true,
    })
    expect(Object.keys(all.body.attachment_urls)).toHaveLength(3)
    const plain = await h.call('POST', '/examples', {
      dataset_id: datasetId,
      source_run_id: runId,
      use_source_run_attachments: ['three'],
      inputs: { own: true },
    })
    expect(plain.body.inputs).toEqual({ own: true })
    expect(await contents(h, plain.body.attachment_urls)).toEqual([['attachment.three', 'three']])
    const missing = await h.call('POST', '/examples', {
      dataset_id: datasetId,
      source_run_id: runId,
      use_source_run_attachments: ['four'],
    })
    expect(missing).toMatchObject({ status: 422 })
  })

  test('names that every JavaScript object has as members, or that contain NUL, are ordinary names', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    const names = ['__proto__', 'constructor', '7', 'a\0b', 'ü "quoted" %22', '../up']
    const made = await send(
      h,
      'POST',
      datasetId,
      names.map((name) => ({
        name: `${id}.attachment.${name.replaceAll('"', '\\"')}`,
        value: name,
        type: 'text/plain',
      })),
    )
    expect(made.status).toBe(201)
    const read = await h.call('GET', `/examples/${id}`)
    expect(Object.keys(read.body.attachment_urls as object)).toEqual([
      'attachment.__proto__',
      'attachment.constructor',
      'attachment.7',
      'attachment.a\ufffdb',
      'attachment.ü "quoted" "',
      'attachment.../up',
    ])
    expect((await attachmentsOf(h, id)).length).toBe(names.length)
    expect(h.errors).toEqual([])
  })
})

describe('201 PATCH', () => {
  test('absent fields stay; objects replace; only `split` changes the splits', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    await send(h, 'POST', datasetId, [
      { name: id, value: '{"metadata": {"a": 1}, "split": "train"}' },
      { name: `${id}.inputs`, value: '{"q": 1}' },
      { name: `${id}.outputs`, value: '{"a": 1}' },
      { name: `${id}.attachment.file`, value: 'kept', type: 'text/plain' },
    ])
    const patched = await send(h, 'PATCH', datasetId, [
      { name: id, value: '{}' },
      { name: `${id}.outputs`, value: '{"b": 2}' },
    ])
    expect(patched).toMatchObject({ status: 201, body: { count: 1, example_ids: [id] } })
    expect((await h.call('GET', `/examples/${id}`)).body).toMatchObject({
      inputs: { q: 1 },
      outputs: { b: 2 },
      metadata: { a: 1, dataset_split: ['train'] },
      modified_at: patched.body.as_of,
    })
    await send(h, 'PATCH', datasetId, [{ name: id, value: '{"metadata": {"b": 2}}' }])
    expect((await h.call('GET', `/examples/${id}`)).body.metadata).toEqual({
      b: 2,
      dataset_split: ['train'],
    })
    await send(h, 'PATCH', datasetId, [{ name: id, value: '{"split": ["x"]}' }])
    expect((await h.call('GET', `/examples/${id}`)).body.metadata).toEqual({
      b: 2,
      dataset_split: ['x'],
    })
    expect(await attachmentsOf(h, id)).toEqual([['attachment.file', 'kept']])
  })

  test('attachments are retained, renamed, replaced and added, whatever the order of the parts', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const operations = JSON.stringify({ retain: ['a'], rename: { b: 'renamed' } })
    for (const isOperationsFirst of [true, false]) {
      const id = randomUUID()
      await send(h, 'POST', datasetId, example(id, { a: 'A', b: 'B', c: 'C' }))
      const parts: GivenPart[] = [
        { name: `${id}.attachments_operations`, value: operations },
        { name: `${id}.attachment.new`, value: 'N', type: 'text/plain' },
        { name: `${id}.attachment.a`, value: 'A2', type: 'text/plain' },
        { name: id, value: '{}' },
      ]
      const answer = await send(
        h,
        'PATCH',
        datasetId,
        isOperationsFirst ? parts : parts.toReversed(),
      )
      expect(answer.status).toBe(201)
      expect(new Map(await attachmentsOf(h, id))).toEqual(
        new Map([
          ['attachment.a', 'A2'],
          ['attachment.renamed', 'B'],
          ['attachment.new', 'N'],
        ]),
      )
    }
  })

  test('uploads without operations replace all attachments, and empty operations drop all', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    await send(h, 'POST', datasetId, example(id, { a: 'A', b: 'B' }))
    await send(h, 'PATCH', datasetId, [
      { name: `${id}.attachment.c`, value: 'C', type: 'text/plain' },
    ])
    expect(await attachmentsOf(h, id)).toEqual([['attachment.c', 'C']])
    await send(h, 'PATCH', datasetId, [
      { name: `${id}.attachments_operations`, value: '{"retain":[],"rename":{}}' },
    ])
    expect((await h.call('GET', `/examples/${id}`)).body.attachment_urls).toBeNull()
  })

  test('the JSON routes take operations too, and without them leave attachments unchanged', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    await send(h, 'POST', datasetId, example(id, { a: 'A', b: 'B', c: 'C' }))
    await h.call('PATCH', `/examples/${id}`, { outputs: {}, attachments_operations: null })
    expect((await attachmentsOf(h, id)).length).toBe(3)
    const patched = await h.call('PATCH', `/examples/${id}`, {
      attachments_operations: { retain: ['a'], rename: { b: 'x' } },
    })
    expect(await contents(h, patched.body.attachment_urls)).toEqual([
      ['attachment.a', 'A'],
      ['attachment.x', 'B'],
    ])
    await h.call('PATCH', '/examples/bulk', [
      { id, attachments_operations: { retain: ['x', 'a'] } },
      { id, attachments_operations: { rename: { x: 'y' } } },
    ])
    expect(await attachmentsOf(h, id)).toEqual([['attachment.y', 'B']])
    for (const operations of [{ retain: ['no'] }, { rename: { y: 1 } }, { retain: 'y' }, []]) {
      const answer = await h.call('PATCH', `/examples/${id}`, {
        attachments_operations: operations,
      })
      expect(answer).toMatchObject({ status: 422, body: { detail: expect.any(Array) } })
    }
    expect(h.errors).toEqual([])
  })

  test('an update through the other dialect keeps the attachments', async () => {
    const h = await harness()
    const dataset = await h.call('POST', '/datasets', { name: 'shared' })
    const id = randomUUID()
    await send(h, 'POST', dataset.body.id as string, example(id, { a: 'A' }))
    const changed = await h.call('POST', '/api/public/dataset-items', {
      datasetName: 'shared',
      id,
      input: { other: true },
    })
    expect(changed.status).toBe(200)
    expect(await attachmentsOf(h, id)).toEqual([['attachment.a', 'A']])
  })
})

describe('refused', () => {
  test('every kind of bad body is answered in the shape `{error}`, and nothing is stored', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h, {
      inputs_schema_definition: {
        type: 'object',
        properties: { q: { type: 'number' } },
      },
    })
    const [id, good] = [randomUUID(), randomUUID()]
    const deep = `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`
    const one = (name: string, value: string, type?: string): GivenPart =>
      type === undefined ? { name, value } : { name, value, type }
    const cases: [status: number, parts: GivenPart[]][] = [
      [400, []],
      [400, [one('nonsense', '{}')]],
      [400, [one('not-a-uuid.inputs', '{}')]],
      [400, [one(`${id}.surprise`, '{}')]],
      [400, [one(`${id}.attachment.`, 'x', 'text/plain')]],
      [400, [one(`${id}.attachments_operations`, '{"retain":[]}')]],
      [400, [one(id, '{}'), one(id, '{}')]],
      [400, [one(`${id}.attachment.a`, '1'), one(`${id}.attachment.a`, '2')]],
      [422, [one(id, '{')]],
      [422, [one(id, '')]],
      [422, [one(id, '[]')]],
      [422, [one(id, deep)]],
      [422, [one(id, '{"split": 7}')]],
      [422, [one(id, '{"metadata": []}')]],
      [422, [one(id, '{"created_at": "yesterday"}')]],
      [422, [one(id, '{"source_run_id": "x"}')]],
      [422, [one(id, '{"use_source_run_attachments": "x"}')]],
      [422, [one(`${id}.inputs`, '[1]')]],
      [422, [one(`${id}.inputs`, '"text"')]],
      [422, [one(`${id}.outputs`, '{"a": nope}')]],
      [422, [one(`${id}.inputs`, '{"q": "no number"}')]],
      [422, [one(id, '{"metadata": {"n": 1e999999}}')]],
      [404, [one(id, `{"source_run_id": "${randomUUID()}", "use_source_run_io": true}`)]],
    ]
    for (const [status, parts] of cases) {
      const given = parts.length === 0 ? [] : [...example(good, { file: 'x' }), ...parts]
      const answer = await send(h, 'POST', datasetId, given)
      expect([answer.status, parts, answer.body]).toMatchObject([
        status,
        parts,
        { error: expect.any(String) },
      ])
    }
    const body = encode(example(good))
    for (const [payload, contentType] of [
      [body.subarray(0, -8), multipartType],
      [body.subarray(0, 100), multipartType],
      [Buffer.alloc(0), multipartType],
      [body, 'multipart/form-data'],
      [body, 'multipart/form-data; boundary=other'],
      [Buffer.from('{}'), 'application/json'],
    ] as const) {
      const answer = await send(h, 'POST', datasetId, payload, { contentType })
      expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } })
    }
    expect((await h.call('GET', `/examples?dataset=${datasetId}`)).body).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('404 for unknown datasets and examples, 409 for examples of another dataset and taken ids', async () => {
    const h = await harness()
    const [datasetId, other] = [await makeDataset(h), await makeDataset(h)]
    const [id, fresh] = [randomUUID(), randomUUID()]
    await send(h, 'POST', datasetId, example(id, { a: 'A' }))
    const answers = [
      [404, await send(h, 'POST', randomUUID(), example(fresh))],
      [404, await send(h, 'PATCH', randomUUID(), example(id))],
      [404, await send(h, 'PATCH', datasetId, [...example(id), ...example(fresh)])],
      [409, await send(h, 'POST', datasetId, [...example(fresh), ...example(id)])],
      [409, await send(h, 'POST', other, example(id))],
      [409, await send(h, 'PATCH', other, example(id))],
      [422, await send(h, 'POST', 'no-uuid', example(fresh))],
    ] as const
    for (const [status, answer] of answers) {
      expect(answer).toMatchObject({ status, body: { error: expect.any(String) } })
      if (status === 404) expect(answer.body.error).toContain('not found')
    }
    expect((await h.call('GET', `/examples/${fresh}`)).status).toBe(404)
    const versions = await h.db`select id from examples where tenant_id = ${h.tenant.id}`
    expect(versions.length).toBe(1)
  })

  test('operations that contradict each other make the whole request change nothing', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const [id, second] = [randomUUID(), randomUUID()]
    await send(h, 'POST', datasetId, [...example(id, { a: 'A', b: 'B' }), ...example(second)])
    for (const operations of [
      '{"retain":["a"],"rename":{"a":"x"}}',
      '{"retain":["b"],"rename":{"a":"b"}}',
      '{"retain":["nope"]}',
      '{"rename":{"nope":"x"}}',
      '{"rename":{"a":"x","b":"x"}}',
      '{"rename":{"__proto__":{}}}',
      '{"rename":["a"]}',
      '{"retain":{"a":1}}',
      'null',
      '{',
    ]) {
      const answer = await send(h, 'PATCH', datasetId, [
        { name: `${second}.outputs`, value: '{"changed": true}' },
        { name: `${id}.attachments_operations`, value: operations },
      ])
      expect([operations, answer.status]).toEqual([operations, 422])
      expect(answer.body.error).toEqual(expect.any(String))
    }
    expect((await attachmentsOf(h, id)).length).toBe(2)
    expect((await h.call('GET', `/examples/${second}`)).body.outputs).toBeNull()
    expect(h.errors).toEqual([])
  })

  test('another tenant can neither write to a dataset nor find out about its examples', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const stranger = await h.addTenant()
    const id = randomUUID()
    await send(h, 'POST', datasetId, example(id, { a: 'secret' }))
    for (const method of ['POST', 'PATCH'] as const) {
      const answer = await send(h, method, datasetId, example(id), { as: stranger })
      expect(answer.status).toBe(404)
    }
    expect((await h.callAs(stranger, 'GET', `/examples/${id}`)).status).toBe(404)
    // Ids belong to a tenant: the same id is free in another one, and the same bytes are another blob.
    const own = await h.callAs(stranger, 'POST', '/datasets', { name: 'own' })
    const made = await send(h, 'POST', own.body.id as string, example(id, { a: 'secret' }), {
      as: stranger,
    })
    expect(made.status).toBe(201)
    const blobs = await h.db`select tenant_id from blobs`
    expect(new Set(blobs.map((blob) => blob.tenantId)).size).toBe(2)
  })
})

describe('503', () => {
  test('while the blob store is unreachable the client is told to come again, and nothing is stored', async () => {
    const away = async (): Promise<never> => {
      throw new BlobsUnavailableError('away')
    }
    const none = async (): Promise<void> => {}
    const h = await harness({
      blobHome: { start: none, stop: none, has: away, read: away, write: away, remove: away },
    })
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    const answer = await send(h, 'POST', datasetId, example(id, { a: 'A' }))
    expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String) } })
    expect(answer.headers['retry-after']).toBe('5')
    expect((await h.call('GET', `/examples/${id}`)).status).toBe(404)
    // Requests without attachments work as usual.
    expect((await send(h, 'POST', datasetId, example(id))).status).toBe(201)
    expect(h.errors).toEqual([])
  })
})

describe('size', () => {
  test('a large request that is refused at once still gets its answer', async () => {
    const h = await harness()
    const url = await h.listen()
    const answer = await fetch(`${url}/platform/datasets/${randomUUID()}/examples`, {
      method: 'POST',
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
      body: new Uint8Array(encode(example(randomUUID(), { big: Buffer.alloc(40 * 1_048_576) }))),
    })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: 'Dataset not found' })
    expect(await h.db`select id from blobs`).toEqual([])
  })

  test('a request far larger than any JSON body arrives byte for byte', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    await h.listen()
    const { port } = h.app.server.address() as AddressInfo
    const id = randomUUID()
    const hashes = new Map<string, string>()
    const outgoing = request({
      port,
      method: 'POST',
      path: `/v1/platform/datasets/${datasetId}/examples`,
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
    })
    const answered = new Promise<number | undefined>((resolve, reject) => {
      outgoing.on('response', (answer) =>
        answer.resume().on('end', () => resolve(answer.statusCode)),
      )
      outgoing.on('error', reject)
    })
    // 8 files of 5 MiB. The limit of other bodies is 20 MiB.
    for (let i = 0; i < 8; i++) {
      const bytes = randomBytes(5 * 1_048_576)
      hashes.set(`attachment.${i}`, createHash('sha256').update(bytes).digest('hex'))
      const [part] = encode([
        { name: `${id}.attachment.${i}`, value: bytes, type: 'application/octet-stream' },
      ])
        .toString('latin1')
        .split(`--${boundary}--`)
      const isRoom = outgoing.write(Buffer.from(part!, 'latin1'))
      if (!isRoom) await new Promise((resolve) => outgoing.once('drain', resolve))
    }
    outgoing.end(`--${boundary}--\r\n`)
    expect(await answered).toBe(201)
    const read = await contents(h, (await h.call('GET', `/examples/${id}`)).body.attachment_urls)
    expect(
      new Map(
        read.map(([name, bytes]) => [
          name,
          createHash('sha256').update(Buffer.from(bytes, 'latin1')).digest('hex'),
        ]),
      ),
    ).toEqual(hashes)
  })
})
