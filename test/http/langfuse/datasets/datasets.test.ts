import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { productVersion } from '../../../../src/domain/version.ts'
import { harness, type Harness } from '../../../support/harness.ts'

const base = '/api/public'

async function make(h: Harness, body: object) {
  const answer = await h.call('POST', `${base}/v2/datasets`, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function get(h: Harness, path: string) {
  return h.call('GET', `${base}${path}`)
}

const objectWithQ = { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] }

describe('200', () => {
  test('the project of the key is its tenant', async () => {
    const h = await harness()
    const { id, name } = h.tenant
    expect((await get(h, '/projects')).body).toEqual({
      data: [{ id, name, organization: { id, name }, metadata: {} }],
    })
  })

  test('health needs no key, and returns the version of the package', async () => {
    const h = await harness()
    const answer = await h.app.inject(`${base}/health`)
    expect(JSON.parse(answer.body)).toEqual({ status: 'OK', version: productVersion })
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).toMatchObject({
      version: productVersion,
    })
  })

  test('a new dataset has every key, and reads back the same', async () => {
    const h = await harness()
    const made = await make(h, {
      name: 'evals/qa set',
      description: 'd',
      metadata: { b: [1, 'x'] },
      inputSchema: objectWithQ,
      unknown: 1,
    })
    expect(made).toEqual({
      id: expect.any(String),
      projectId: h.tenant.id,
      name: 'evals/qa set',
      description: 'd',
      metadata: { b: [1, 'x'] },
      inputSchema: objectWithQ,
      expectedOutputSchema: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: made.createdAt,
    })
    expect((await get(h, '/v2/datasets/evals%2Fqa%20set')).body).toEqual(made)
    expect(await make(h, { name: 'bare' })).toMatchObject({ description: null, metadata: null })
  })

  test('a dataset sent again keeps what is null or absent, replaces metadata as a whole, and clears schemas with null', async () => {
    const h = await harness()
    const first = await make(h, {
      name: 'n',
      description: 'd',
      metadata: { a: 1, b: 2 },
      inputSchema: objectWithQ,
      expectedOutputSchema: { type: 'string' },
    })
    const kept = await make(h, { name: 'n', description: null, metadata: null })
    expect(kept).toEqual({ ...first, updatedAt: kept.updatedAt })
    expect(kept.updatedAt > first.updatedAt).toBe(true)
    const changed = await make(h, {
      name: 'n',
      metadata: { c: 3 },
      description: '',
      inputSchema: null,
    })
    expect(changed).toMatchObject({ id: first.id, createdAt: first.createdAt, metadata: { c: 3 } })
    expect(changed).toMatchObject({
      description: '',
      inputSchema: null,
      expectedOutputSchema: { type: 'string' },
    })
    expect((await get(h, '/v2/datasets')).body.meta.totalItems).toBe(1)
  })

  test.each([
    ['100% sure', '100%25%20sure'],
    ['a literal %2F', 'a%20literal%20%252F'],
    ['a+b c', 'a+b%20c'],
    ['ä/ö?#&=', '%C3%A4%2F%C3%B6%3F%23%26%3D'],
    ['%25', '%2525'],
  ])('the name %j is one segment of the path, decoded exactly once', async (name, segment) => {
    const h = await harness()
    await make(h, { name })
    expect((await get(h, `/v2/datasets/${segment}`)).body.name).toBe(name)
    expect((await get(h, `/datasets/${segment}/runs`)).body.meta.totalItems).toBe(0)
    expect((await get(h, `/datasets/${segment}`)).body).toMatchObject({ name, items: [], runs: [] })
  })

  test('lists are paginated, newest first, and an empty list has no pages', async () => {
    const h = await harness()
    const meta = { page: 1, limit: 50, totalItems: 0, totalPages: 0 }
    expect((await get(h, '/v2/datasets')).body).toEqual({ data: [], meta })
    for (const name of ['a', 'b', 'c']) await make(h, { name })
    const page = await get(h, '/v2/datasets?page=2&limit=2')
    expect(page.body.data.map((one: { name: string }) => one.name)).toEqual(['a'])
    expect(page.body.meta).toEqual({ page: 2, limit: 2, totalItems: 3, totalPages: 2 })
    const all = await get(h, '/v2/datasets?page=&limit=&unknown=1')
    expect(all.body.data.map((one: { name: string }) => one.name)).toEqual(['c', 'b', 'a'])
    expect(all.body.meta).toEqual({ page: 1, limit: 50, totalItems: 3, totalPages: 1 })
    expect((await get(h, '/v2/datasets?page=9007199254740991&limit=100')).body.data).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('v1 lists what a dataset holds by name, and a v1 read contains the active items themselves', async () => {
    const h = await harness()
    const made = await h.call('POST', `${base}/datasets`, { name: 'v1', metadata: [1] })
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'v1', metadata: [1], items: [], runs: [] },
    })
    for (let i = 0; i < 230; i++) {
      await h.call('POST', `${base}/dataset-items`, { datasetName: 'v1', id: `i${i}`, input: i })
    }
    await h.call('POST', `${base}/dataset-items`, {
      datasetName: 'v1',
      id: 'i3',
      status: 'ARCHIVED',
    })
    for (const runName of ['r1', 'r2']) {
      await h.call('POST', `${base}/dataset-run-items`, {
        runName,
        datasetItemId: 'i5',
        traceId: 't',
      })
    }
    const ids = Array.from({ length: 230 }, (_, i) => `i${229 - i}`).filter((id) => id !== 'i3')
    const list = await get(h, '/datasets?page=0')
    expect(list.body.data).toEqual([{ ...made.body, items: ids, runs: ['r2', 'r1'] }])
    expect(list.body.meta).toEqual({ page: 0, limit: 50, totalItems: 1, totalPages: 1 })
    const whole = await get(h, '/datasets/v1')
    expect(whole.headers['content-type']).toContain('application/json')
    expect(whole.body).toMatchObject({ name: 'v1', runs: ['r2', 'r1'] })
    expect(whole.body.items.map((item: { id: string }) => item.id)).toEqual(ids)
    expect(whole.body.items[0]).toEqual((await get(h, '/dataset-items/i229')).body)
    // v2 does not have these lists of names.
    expect((await get(h, '/v2/datasets/v1')).body).not.toHaveProperty('items')
  })

  test('datasets and examples of LangSmith can be read here, and ours there', async () => {
    const h = await harness()
    const theirs = await h.call('POST', '/datasets', {
      name: 'ls',
      description: 'd',
      extra: { metadata: { k: 1 } },
    })
    expect(theirs.status, theirs.text).toBe(200)
    const example = await h.call('POST', '/examples', {
      dataset_id: theirs.body.id,
      inputs: { q: 1.5 },
      outputs: { a: 'x' },
      metadata: { m: true },
    })
    expect(example.status, example.text).toBe(200)
    expect((await get(h, '/v2/datasets/ls')).body).toMatchObject({
      id: theirs.body.id,
      description: 'd',
      metadata: { k: 1 },
    })
    expect((await get(h, '/dataset-items?datasetName=ls')).body.data).toMatchObject([
      { id: example.body.id, input: { q: 1.5 }, expectedOutput: { a: 'x' }, metadata: { m: true } },
    ])
    const ours = await make(h, { name: 'lf', metadata: { k: 2 } })
    await h.call('POST', `${base}/dataset-items`, { datasetName: 'lf', input: { q: 2 } })
    expect((await h.call('GET', `/datasets/${ours.id}`)).body).toMatchObject({
      name: 'lf',
      metadata: { k: 2 },
      example_count: 1,
    })
    expect((await h.call('GET', `/examples?dataset=${ours.id}`)).body).toMatchObject([
      { inputs: { q: 2 } },
    ])
  })

  test('the OpenAPI document describes the routes', async () => {
    const h = await harness()
    const { paths } = (await h.call('GET', '/docs/json')).body
    expect(Object.keys(paths[`${base}/datasets/{name}/runs/{runName}`])).toEqual(['get', 'delete'])
    const body =
      paths[`${base}/dataset-run-items`].post.requestBody.content['application/json'].schema
    expect(body.required).toEqual(['runName', 'datasetItemId'])
  })
})

describe('400', () => {
  test.each(['', '/a', 'a/', 'a//b', 'x <b>y'])('the name %j is not valid', async (name) => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/v2/datasets`, { name })
    expect(answer).toMatchObject({ status: 400, body: { error: 'InvalidRequestError' } })
    expect(answer.body.message).toMatch(/^Dataset name not valid\. /)
  })

  test.each([
    ['no name', {}],
    ['a number for a name', { name: 1 }],
    ['null for a name', { name: null }],
    ['an object for a description', { name: 'x', description: {} }],
    ['a list', []],
    ['text', '"x"'],
    ['nothing', undefined],
  ])('%s is refused with the issues', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/v2/datasets`, body)
    expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid request data' } })
    expect(answer.body.error[0]).toHaveProperty('message')
    expect((await get(h, '/v2/datasets')).body.data).toEqual([])
  })

  test.each([
    ['a string', 'x'],
    ['a list', []],
    ['a boolean', true],
    ['an unknown type', { type: 'nothing' }],
    ['an unknown keyword', { tpye: 'object' }],
    ['a reference that would have to be fetched', { $ref: 'http://127.0.0.1:1/schema.json' }],
    ['more than 10,000 characters', { type: 'object', description: 'x'.repeat(10_000) }],
  ])('%s is not a schema', async (_, inputSchema) => {
    const h = await harness()
    for (const key of ['inputSchema', 'expectedOutputSchema']) {
      const answer = await h.call('POST', `${base}/v2/datasets`, { name: 'x', [key]: inputSchema })
      expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid request data' } })
      expect(answer.body.error).toMatchObject([
        { path: [key], message: 'Must be a valid JSON Schema' },
      ])
    }
    expect(h.errors).toEqual([])
  })

  test('a schema of the 2020 draft is accepted, and formats are not checked', async () => {
    const h = await harness()
    const inputSchema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { at: { type: 'string', format: 'no-such-format' } },
    }
    expect(await make(h, { name: 'x', inputSchema })).toMatchObject({ inputSchema })
  })

  test('a schema that stored items violate is refused, and nothing changes', async () => {
    const h = await harness()
    await make(h, { name: 'x' })
    const add = async (id: string, input: unknown) =>
      h.call('POST', `${base}/dataset-items`, { datasetName: 'x', id, input })
    await add('good', { q: 'yes' })
    await add('bad', { q: 1 })
    const answer = await h.call('POST', `${base}/v2/datasets`, {
      name: 'x',
      description: 'new',
      inputSchema: objectWithQ,
    })
    expect(answer.status).toBe(400)
    expect(answer.body.message).toMatch(
      /^Schema validation failed for 1 item\(s\)\. Details: \[\{"datasetItemId":"bad"/,
    )
    for (let i = 0; i < 11; i++) await add(`bad${i}`, i)
    // None of them has an expected output.
    const expected = await h.call('POST', `${base}/v2/datasets`, {
      name: 'x',
      expectedOutputSchema: objectWithQ,
    })
    expect(expected.body.message).toContain('failed for more than 10 item(s)')
    const many = await h.call('POST', `${base}/v2/datasets`, {
      name: 'x',
      inputSchema: objectWithQ,
    })
    expect(many.body.message).toContain('failed for more than 10 item(s)')
    expect((await get(h, '/v2/datasets/x')).body).toMatchObject({
      description: null,
      inputSchema: null,
    })
  })

  test('a page or limit that is out of range, or sent twice, is refused and never clamped', async () => {
    const h = await harness()
    await make(h, { name: 'x' })
    const queries = [
      'limit=0',
      'limit=101',
      'limit=1.5',
      'limit=x',
      'page=0',
      'page=-1',
      'page=1e400',
      'page=1&page=2',
      'limit=5&limit=5',
    ]
    for (const query of queries) {
      for (const path of ['/v2/datasets', '/datasets/x/runs', '/dataset-items']) {
        const answer = await get(h, `${path}?${query}`)
        expect(answer, query).toMatchObject({
          status: 400,
          body: { message: 'Invalid request data' },
        })
      }
    }
    expect(h.errors).toEqual([])
  })

  test('NUL, lone surrogates, depth, length and huge numbers are stored or refused, and cause no error of ours', async () => {
    const h = await harness()
    const odd = await h.call(
      'POST',
      `${base}/v2/datasets`,
      '{"name":"n\\u0000\\ud800","metadata":{"k\\u0000":"\\udfff"}}',
    )
    expect(odd.body).toMatchObject({ name: 'n\ufffd\ufffd', metadata: { 'k\ufffd': '\ufffd' } })
    expect((await get(h, '/v2/datasets/n%00%EF%BF%BD')).status).toBe(200)
    const deep = `${'['.repeat(1000)}${']'.repeat(1000)}`
    for (const body of [
      `{"name":"x","metadata":${deep}}`,
      `{"name":"x","metadata":1e200000}`,
      JSON.stringify({ name: randomText(20_000) }),
      '{"name":',
    ]) {
      expect((await h.call('POST', `${base}/v2/datasets`, body)).status).toBe(400)
    }
    expect((await get(h, '/v2/datasets')).body.data).toHaveLength(1)
    expect(h.errors).toEqual([])
  })
})

/** Text that does not compress. A long run of one letter would fit into an index entry. */
function randomText(length: number): string {
  let state = 1
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(97 + (state % 26))
  }).join('')
}

describe('404', () => {
  test('unknown datasets, and those of another tenant', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await make(h, { name: 'x' })
    const body = { message: 'Dataset not found', error: 'LangfuseNotFoundError' }
    for (const path of ['/v2/datasets', '/datasets']) {
      expect(await get(h, `${path}/unknown`)).toMatchObject({ status: 404, body })
      expect(await h.callAs(other, 'GET', `${base}${path}/x`)).toMatchObject({ status: 404, body })
    }
    expect(await h.callAs(other, 'GET', `${base}/datasets/x/runs`)).toMatchObject({
      status: 404,
      body,
    })
    expect((await h.callAs(other, 'GET', `${base}/v2/datasets`)).body.data).toEqual([])
    const theirs = await h.callAs(other, 'POST', `${base}/v2/datasets`, { name: 'x' })
    expect(theirs.body.id).not.toBe((await get(h, '/v2/datasets/x')).body.id)
  })
})

describe('401, 403, 405', () => {
  test('every failure of authentication has its own sentence', async () => {
    const h = await harness()
    const { publicKey, secretKey } = h.tenant
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
    const ask = async (authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization }
      const { statusCode, body } = await h.app.inject({ url: `${base}/v2/datasets`, headers })
      return [statusCode, JSON.parse(body)]
    }
    const hint = "Confirm that you've configured the correct host."
    expect(await ask()).toEqual([401, { message: 'No authorization header' }])
    expect(await ask('Digest x')).toEqual([401, { message: 'Invalid authorization header' }])
    for (const pair of ['', 'no colon', ':secret', 'public:']) {
      expect(await ask(basic(pair))).toEqual([
        401,
        { message: `Invalid authorization header. ${hint}` },
      ])
    }
    for (const pair of [`${publicKey}:wrong`, `wrong:${secretKey}`]) {
      expect(await ask(basic(pair))).toEqual([401, { message: `Invalid credentials. ${hint}` }])
    }
    expect(await ask('Bearer unknown')).toEqual([401, { message: `Invalid public key. ${hint}` }])
    expect(await ask(`Bearer ${publicKey}`)).toEqual([
      403,
      { message: 'Access denied - insufficient permissions for this endpoint' },
    ])
    expect((await ask(`Bearer ${secretKey}`))[0]).toBe(200)
  })

  test('a path that exists refuses other methods', async () => {
    const h = await harness()
    const body = { message: 'Method not allowed', error: 'MethodNotAllowedError' }
    for (const [method, path] of [
      ['DELETE', '/v2/datasets/x'],
      ['PUT', '/v2/datasets'],
      ['PATCH', '/dataset-items/x'],
      ['POST', '/datasets/x/runs/y'],
    ] as const) {
      expect(await h.call(method, `${base}${path}`)).toMatchObject({ status: 405, body })
    }
  })
})
