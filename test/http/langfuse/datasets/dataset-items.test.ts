import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const base = '/api/public'

/** A server with a dataset `ds`. */
async function serve() {
  const h = await harness()
  await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
  return h
}

async function add(h: Harness, body: object | string) {
  const sent = typeof body === 'string' ? body : { datasetName: 'ds', ...body }
  return h.call('POST', `${base}/dataset-items`, sent)
}

async function get(h: Harness, path: string) {
  return h.call('GET', `${base}${path}`)
}

async function ids(h: Harness, query: string): Promise<string[]> {
  const answer = await get(h, `/dataset-items?${query}`)
  expect(answer.status, answer.text).toBe(200)
  expect(answer.body.meta.totalItems).toBe(answer.body.data.length)
  return answer.body.data.map((item: { id: string }) => item.id)
}

describe('200', () => {
  test('an item has every key, with null where it is empty, and reads back the same', async () => {
    const h = await serve()
    const dataset = (await get(h, '/v2/datasets/ds')).body
    const made = (await add(h, { id: 'item-0', input: { q: 'Q0' } })).body
    expect(made).toEqual({
      id: 'item-0',
      status: 'ACTIVE',
      input: { q: 'Q0' },
      expectedOutput: null,
      metadata: null,
      sourceTraceId: null,
      sourceObservationId: null,
      datasetId: dataset.id,
      datasetName: 'ds',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: made.createdAt,
      mediaReferences: [],
    })
    expect((await get(h, '/dataset-items/item-0')).body).toEqual(made)
    expect((await get(h, '/dataset-items?datasetName=ds')).body).toEqual({
      data: [made],
      meta: { page: 1, limit: 50, totalItems: 1, totalPages: 1 },
    })
  })

  test('without an id the server chooses one', async () => {
    const h = await serve()
    const [one, two] = [await add(h, { input: 1 }), await add(h, { input: 1, id: null })]
    expect(one.body.id).not.toBe(two.body.id)
    expect((await get(h, `/dataset-items/${one.body.id}`)).body).toEqual(one.body)
  })

  test('every spelling of an id is returned as it was sent', async () => {
    const h = await serve()
    const given = [
      'b8137f54-915b-4989-8e1b-3a91f02c8a56',
      'C8137F54-915B-4989-8E1B-3A91F02C8A56',
      '4ea979d0f0a73baf9a4e3c48989f43e4',
      'a/b %2F 100% ü',
      'x'.repeat(255),
    ]
    for (const id of given) {
      expect(
        (await add(h, { id, input: 1, sourceTraceId: id, sourceObservationId: id })).body,
      ).toMatchObject({ id })
      const read = await get(h, `/dataset-items/${encodeURIComponent(id)}`)
      expect(read.body).toMatchObject({ id, sourceTraceId: id, sourceObservationId: id })
    }
    expect(await ids(h, 'datasetName=ds')).toEqual(given.toReversed())
  })

  test('a string that holds JSON becomes that JSON, the empty string clears, and any other string stays a string', async () => {
    const h = await serve()
    const values: [sent: string, stored: unknown][] = [
      ['123', 123],
      ['{"a":1}', { a: 1 }],
      [' [1, "x"] ', [1, 'x']],
      ['true', true],
      ['"quoted"', 'quoted'],
      ['plain', 'plain'],
      ['{"a":', '{"a":'],
      ['NaN', 'NaN'],
      ['', null],
      ['null', null],
      ['tab\tline\n\u0000\u0007\u0085bell', 'tab\tline\nbell'],
      ['['.repeat(1000) + ']'.repeat(1000), '['.repeat(1000) + ']'.repeat(1000)],
    ]
    for (const [sent, stored] of values) {
      const { body } = await add(h, { id: 'i', input: sent, expectedOutput: sent, metadata: sent })
      expect(body).toMatchObject({ input: stored, expectedOutput: stored, metadata: stored })
    }
  })

  test('numbers, key order and escapes survive byte for byte', async () => {
    const h = await serve()
    const input = '{"b":1.0, "a":12345678901234567890, "n":"\\u0000\\ud800", "z":1e999}'
    const made = await add(h, `{"datasetName":"ds","id":"i","input":${input},"input2":0}`)
    expect(made.text).toContain(`"input":${input}`)
    expect((await get(h, '/dataset-items/i')).text).toContain(`"input":${input}`)
  })

  test('an update keeps what is absent or null, and is a new version with times of its own', async () => {
    const h = await serve()
    const first = (
      await add(h, {
        id: 'i',
        input: 1,
        expectedOutput: 2,
        metadata: { a: 1 },
        sourceTraceId: 't',
        sourceObservationId: 'o',
        status: 'ARCHIVED',
      })
    ).body
    const nulls = {
      input: null,
      expectedOutput: null,
      metadata: null,
      sourceTraceId: null,
      sourceObservationId: null,
    }
    const kept = (await add(h, { id: 'i', ...nulls, status: null })).body
    expect(kept).toEqual({ ...first, createdAt: kept.createdAt, updatedAt: kept.createdAt })
    expect(kept.createdAt > first.createdAt).toBe(true)
    const changed = (
      await add(h, { id: 'i', metadata: { b: 2 }, expectedOutput: '', status: 'ACTIVE' })
    ).body
    expect(changed).toMatchObject({
      input: 1,
      expectedOutput: null,
      metadata: { b: 2 },
      status: 'ACTIVE',
    })
  })

  test('a version that equals the time of an item includes that item and not the next one', async () => {
    const h = await serve()
    const one = (await add(h, { id: 'one', input: 1 })).body
    const two = (await add(h, { id: 'two', input: 1 })).body
    const changed = (await add(h, { id: 'one', input: 2 })).body
    await h.call('DELETE', `${base}/dataset-items/two`)
    const at = (time: string) => `datasetName=ds&version=${encodeURIComponent(time)}`
    expect(await ids(h, at(one.createdAt))).toEqual(['one'])
    expect(await ids(h, at(two.createdAt))).toEqual(['two', 'one'])
    // The same instant in microseconds, with an offset, and with a plus sign as Python's query strings write it.
    expect(await ids(h, at(two.createdAt.replace('Z', '999Z')))).toEqual(['two', 'one'])
    expect(await ids(h, at(two.createdAt.replace('Z', '+00:00')))).toEqual(['two', 'one'])
    const then = await get(h, `/dataset-items?${at(two.createdAt)}`)
    expect(then.body.data[1]).toMatchObject({ input: 1, createdAt: one.createdAt })
    expect((await get(h, `/dataset-items?${at(changed.createdAt)}`)).body.data).toEqual([
      changed,
      two,
    ])
    expect(await ids(h, at('2020-01-01'))).toEqual([])
    expect(await ids(h, 'datasetName=ds')).toEqual(['one'])
  })

  test('items made at the same instant have strictly increasing times, and are listed newest first', async () => {
    const h = await serve()
    const made = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => add(h, { id: `i${i}`, input: 1 })),
    )
    const newestFirst = made
      .map(({ body }) => body)
      .toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
    expect(new Set(newestFirst.map((item) => item.createdAt)).size).toBe(12)
    expect(await ids(h, 'datasetName=ds')).toEqual(newestFirst.map((item) => item.id))
    const page = await get(h, '/dataset-items?datasetName=ds&page=3&limit=5')
    expect(page.body.data).toEqual(newestFirst.slice(10))
    expect(page.body.meta).toEqual({ page: 3, limit: 5, totalItems: 12, totalPages: 3 })
  })

  test('lists contain active items only, of one dataset or of all, filtered by their source', async () => {
    const h = await serve()
    await h.call('POST', `${base}/v2/datasets`, { name: 'a+b c' })
    await add(h, { id: 'archived', input: 1, status: 'ARCHIVED', sourceTraceId: 't' })
    await add(h, { id: 'active', input: 1, sourceTraceId: 't', sourceObservationId: 'o' })
    await add(h, { id: 'other', input: 1, datasetName: 'a+b c', sourceTraceId: 't' })
    expect(await ids(h, '')).toEqual(['other', 'active'])
    expect(await ids(h, 'datasetName=a%2Bb+c')).toEqual(['other'])
    expect(await ids(h, 'datasetName=a%2Bb%20c')).toEqual(['other'])
    expect(await ids(h, 'sourceTraceId=t')).toEqual(['other', 'active'])
    expect(await ids(h, 'sourceTraceId=t&sourceObservationId=o&datasetName=ds')).toEqual(['active'])
    expect(await ids(h, 'sourceObservationId=unknown')).toEqual([])
    expect((await get(h, '/dataset-items')).body.data[0].datasetName).toBe('a+b c')
    expect((await get(h, '/dataset-items/archived')).body.status).toBe('ARCHIVED')
  })

  test('a deleted item is no longer found, and its id can be used again', async () => {
    const h = await serve()
    await add(h, { id: 'i', input: 1, metadata: 'old' })
    const message = 'Dataset item successfully deleted'
    expect(await h.call('DELETE', `${base}/dataset-items/i`)).toMatchObject({
      status: 200,
      body: { message },
    })
    expect((await get(h, '/dataset-items/i')).status).toBe(404)
    await h.call('POST', `${base}/v2/datasets`, { name: 'other' })
    const again = await add(h, { id: 'i', input: 2, datasetName: 'other' })
    expect(again).toMatchObject({
      status: 200,
      body: { input: 2, metadata: null, datasetName: 'other' },
    })
  })
})

describe('400', () => {
  test.each([
    ['no dataset', { datasetName: undefined, input: 1 }],
    ['an empty id', { id: '', input: 1 }],
    ['a long id', { id: 'x'.repeat(256), input: 1 }],
    ['a number for an id', { id: 1, input: 1 }],
    ['an unknown status', { status: 'active', input: 1 }],
    ['a number for a source', { sourceTraceId: 1, input: 1 }],
  ])('%s is refused', async (_, body) => {
    const h = await serve()
    expect(await add(h, body)).toMatchObject({
      status: 400,
      body: { message: 'Invalid request data' },
    })
    expect(await ids(h, '')).toEqual([])
  })

  test('an item with neither id nor input', async () => {
    const h = await serve()
    const message = 'Dataset item validation failed: Dataset item input cannot be null'
    for (const body of [{}, { input: null }, { input: '' }, { id: null, input: 'null' }]) {
      expect(await add(h, body)).toMatchObject({
        status: 400,
        body: { message, error: 'InvalidRequestError' },
      })
    }
    expect((await add(h, { id: 'named', input: null })).body).toMatchObject({
      id: 'named',
      input: null,
    })
  })

  test('an item that breaks a schema of its dataset, when sent whole and after a merge', async () => {
    const h = await harness()
    const inputSchema = { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] }
    await h.call('POST', `${base}/v2/datasets`, {
      name: 'ds',
      inputSchema,
      expectedOutputSchema: { type: 'number' },
    })
    const refused = await add(h, { id: 'i', input: { q: 1 }, expectedOutput: 'x' })
    expect(refused).toMatchObject({
      status: 400,
      body: {
        message:
          'Dataset item validation failed: Input validation failed: /q must be string; Expected output validation failed: must be number',
        error: 'InvalidRequestError',
      },
    })
    expect((await get(h, '/dataset-items/i')).status).toBe(404)
    expect(
      (await add(h, { id: 'i', input: '{"q":"parsed first"}', expectedOutput: '5' })).status,
    ).toBe(200)
    expect((await add(h, { id: 'i', metadata: 1 })).status).toBe(200)
    expect((await add(h, { id: 'i', expectedOutput: false })).body.message).toContain(
      'Expected output',
    )
    expect((await add(h, { id: 'null' })).body.message).toContain(
      'Input validation failed: must be object',
    )
    expect((await get(h, '/dataset-items/i')).body).toMatchObject({
      expectedOutput: 5,
      metadata: 1,
    })
  })

  test('an item without an expected output, where the schema wants one', async () => {
    const h = await harness()
    await h.call('POST', `${base}/v2/datasets`, {
      name: 'ds',
      expectedOutputSchema: { type: 'number' },
    })
    const message =
      'Dataset item validation failed: Expected output validation failed: must be number'
    for (const sent of [{}, { expectedOutput: null }, { expectedOutput: '' }]) {
      const answer = await add(h, { id: 'i', input: 1, ...sent })
      expect(answer).toMatchObject({ status: 400, body: { message } })
    }
    expect((await add(h, { id: 'i', input: 1, expectedOutput: 5 })).status).toBe(200)
    // Absent keeps the 5, and an empty string clears it.
    expect((await add(h, { id: 'i', expectedOutput: null })).status).toBe(200)
    expect((await add(h, { id: 'i', expectedOutput: '' })).body.message).toBe(message)
  })

  test.each([
    ['without end', { $ref: '#' }, 'cannot be checked: no end'],
    ['that asks to be asynchronous', { $async: true, type: 'object' }, 'must be object'],
  ])(
    'a schema %s makes the item refused and affects nobody else',
    async (_, inputSchema, reason) => {
      const h = await harness()
      await h.call('POST', `${base}/v2/datasets`, { name: 'ds', inputSchema })
      const answer = await add(h, { input: 1 })
      expect(answer).toMatchObject({
        status: 400,
        body: { message: `Dataset item validation failed: Input validation failed: ${reason}` },
      })
      expect(h.errors).toEqual([])
    },
  )

  test('references to media that nobody uploaded', async () => {
    const h = await serve()
    const input = { image: '@@@langfuseMedia:type=image/png|id=abc_-1|source=bytes@@@' }
    const message = 'Dataset item references unknown media: abc_-1'
    expect(await add(h, { input })).toMatchObject({ status: 400, body: { message } })
  })

  test('a version that is not a time, or is sent without a dataset', async () => {
    const h = await serve()
    const answer = await get(h, '/dataset-items?version=2026-01-01')
    expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid request data' } })
    expect(answer.body.error).toMatchObject([
      {
        path: ['datasetName'],
        message: 'datasetName is required when version parameter is provided',
      },
    ])
    for (const version of ['garbage', '2026-13-01', '99999-01-01T00:00:00Z']) {
      expect((await get(h, `/dataset-items?datasetName=ds&version=${version}`)).status).toBe(400)
    }
    const twice = 'datasetName=ds&version=2026-01-01&version=2026-01-02'
    expect((await get(h, `/dataset-items?${twice}`)).status).toBe(400)
  })

  test('deep JSON, broken JSON and numbers beyond every type cause no error of ours', async () => {
    const h = await serve()
    const deep = `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`
    expect((await add(h, `{"datasetName":"ds","input":${deep}}`)).status).toBe(400)
    expect(await add(h, '{"datasetName":"ds","input":')).toMatchObject({
      status: 400,
      text: 'Invalid JSON',
    })
    expect((await add(h, '{"datasetName":"ds","input":1,"metadata":1e200000}')).status).toBe(400)
    expect(await ids(h, '')).toEqual([])
    const odd = await add(
      h,
      '{"datasetName":"ds","id":"n\\u0000\\ud800","input":"\\ud800\\u0000x","metadata":{"k":"\\u0000"}}',
    )
    expect(odd.body).toMatchObject({
      id: 'n\ufffd\ufffd',
      input: '\ufffdx',
      metadata: { k: '\ufffd' },
    })
    expect(h.errors).toEqual([])
  })
})

describe('404', () => {
  test('an unknown dataset or item has its own message, also when it belongs to another tenant', async () => {
    const h = await serve()
    const other = await h.addTenant()
    await add(h, { id: 'i', input: 1 })
    const error = 'LangfuseNotFoundError'
    expect(await add(h, { datasetName: 'none', input: 1 })).toMatchObject({
      status: 404,
      body: { message: `Dataset none not found for project ${h.tenant.id}`, error },
    })
    for (const [as, id] of [
      [h.tenant, 'none'],
      [other, 'i'],
    ] as const) {
      expect(await h.callAs(as, 'GET', `${base}/dataset-items/${id}`)).toMatchObject({
        status: 404,
        body: { message: 'Dataset item not found', error },
      })
      expect(await h.callAs(as, 'DELETE', `${base}/dataset-items/${id}`)).toMatchObject({
        status: 404,
        body: { message: `Dataset item with id ${id} not found for project ${as.id}`, error },
      })
    }
    for (const as of [h.tenant, other]) {
      const name = as === other ? 'ds' : 'none'
      expect(await h.callAs(as, 'GET', `${base}/dataset-items?datasetName=${name}`)).toMatchObject({
        status: 404,
        body: { message: 'Dataset not found', error },
      })
    }
    expect((await h.callAs(other, 'GET', `${base}/dataset-items`)).body.data).toEqual([])
    expect((await get(h, '/dataset-items/i')).status).toBe(200)
  })
})

describe('409', () => {
  test('an id is unique in the project, not only in the dataset; another project may use it too', async () => {
    const h = await serve()
    const other = await h.addTenant()
    await h.call('POST', `${base}/v2/datasets`, { name: 'other' })
    const { datasetId } = (await add(h, { id: 'i', input: 1 })).body
    const answer = await add(h, { id: 'i', input: 2, datasetName: 'other' })
    expect(answer).toMatchObject({ status: 409, body: { error: 'LangfuseConflictError' } })
    expect(answer.body.message).toContain(
      `Dataset item id i already exists in another dataset (id ${datasetId}) in this project; `,
    )
    await h.callAs(other, 'POST', `${base}/v2/datasets`, { name: 'ds' })
    const theirs = await h.callAs(other, 'POST', `${base}/dataset-items`, {
      datasetName: 'ds',
      id: 'i',
      input: 3,
    })
    expect(theirs.body).toMatchObject({ id: 'i', input: 3 })
    expect((await get(h, '/dataset-items/i')).body.input).toBe(1)
  })
})
