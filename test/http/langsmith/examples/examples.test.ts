import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))

async function makeDataset(h: Harness, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

interface ExampleBody {
  id: string
  modified_at: string
  created_at: string
  inputs: Record<string, unknown>
}

async function makeExample(h: Harness, datasetId: string, rest: object = {}): Promise<ExampleBody> {
  const answer = await h.call('POST', '/examples', { dataset_id: datasetId, inputs: {}, ...rest })
  expect(answer.status).toBe(200)
  return answer.body as ExampleBody
}

async function listIds(h: Harness, query: string): Promise<string[]> {
  const answer = await h.call('GET', `/examples?${query}`)
  expect(answer.status).toBe(200)
  return (answer.body as ExampleBody[]).map(({ id }) => id)
}

describe('200 POST /examples', () => {
  test('an example reads back as it was sent, digit for digit, under every prefix', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const [id, runId] = [randomUUID(), randomUUID()]
    const made = await h.call(
      'POST',
      '/api/v1/examples',
      `{"dataset_id":"${datasetId}","id":"${id}","inputs":{"z":1.0,"a":12345678901234567890,"n":"\\u0000"},
        "outputs":{},"metadata":{"k":"v"},"split":["train","test"],"source_run_id":"${runId}","created_at":"2026-01-01T00:00:00+00:00"}`,
    )
    expect(made.body).toEqual({
      id,
      dataset_id: datasetId,
      name: `#${id.slice(0, 4)}`,
      created_at: '2026-01-01T00:00:00.000000Z',
      modified_at: expect.stringMatching(/^2026-01-21T14:35:42\.\d{6}Z$/),
      inputs: { z: 1, a: Number('12345678901234567890'), n: '\0' },
      outputs: {},
      metadata: { k: 'v', dataset_split: ['train', 'test'] },
      source_run_id: runId,
      attachment_urls: null,
    })
    for (const prefix of ['', '/api', '/api/v1']) {
      const read = await h.call('GET', `${prefix}/examples/${id}`)
      expect(read.body).toEqual(made.body)
      expect(read.text).toContain('{"z":1.0,"a":12345678901234567890,"n":"\\u0000"}')
    }
  })

  test('outputs that are null stay null, and the default split is base', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    expect(await makeExample(h, datasetId, { outputs: null, metadata: null })).toMatchObject({
      outputs: null,
      metadata: { dataset_split: ['base'] },
    })
    expect(await makeExample(h, datasetId, { split: 'one' })).toMatchObject({
      metadata: { dataset_split: ['one'] },
    })
    expect(
      await makeExample(h, datasetId, { split: [], metadata: { dataset_split: 'x' } }),
    ).toMatchObject({
      metadata: { dataset_split: ['base'] },
    })
    expect(
      await makeExample(h, datasetId, { metadata: { dataset_split: ['copied'], k: 1 } }),
    ).toMatchObject({
      metadata: { dataset_split: ['copied'], k: 1 },
    })
  })

  test('use_source_run_io copies inputs and outputs of the run', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    const run = {
      id,
      trace_id: id,
      name: 'r',
      run_type: 'chain',
      start_time: '2026-01-01T00:00:00Z',
    }
    await h.call('POST', '/runs', { ...run, inputs: { q: 1 }, outputs: { a: 2 } })
    await h.drain()
    const from = { source_run_id: id, use_source_run_io: true, inputs: null }
    expect(await makeExample(h, datasetId, from)).toMatchObject({
      inputs: { q: 1 },
      outputs: { a: 2 },
    })
    const unknown = { dataset_id: datasetId, ...from, source_run_id: randomUUID() }
    expect((await h.call('POST', '/examples', unknown)).status).toBe(404)
  })
})

describe('200 POST /examples/bulk', () => {
  test('all examples are one version, returned and listed in the order sent', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const bodies = Array.from({ length: 150 }, (_, i) => ({ dataset_id: datasetId, inputs: { i } }))
    const made = await h.call('POST', '/examples/bulk', bodies)
    const examples = made.body as ExampleBody[]
    expect(examples.map(({ inputs }) => inputs.i)).toEqual(bodies.map(({ inputs }) => inputs.i))
    expect(new Set(examples.map((example) => example.modified_at)).size).toBe(1)
    const listed = [
      ...(await listIds(h, `dataset=${datasetId}`)),
      ...(await listIds(h, `dataset=${datasetId}&offset=100&limit=100`)),
    ]
    expect(listed).toEqual(examples.map(({ id }) => id))
    expect((await h.call('GET', `/examples/count?dataset=${datasetId}`)).body).toBe(150)
    expect(await h.call('POST', '/examples/bulk', [])).toMatchObject({ status: 200, body: [] })
  })
})

describe('409 /examples', () => {
  test('an id that is taken is refused, and nothing of the request is stored', async () => {
    const h = await harness()
    const [datasetId, other] = [await makeDataset(h), await makeDataset(h)]
    const { id } = await makeExample(h, datasetId)
    const free = randomUUID()
    for (const dataset_id of [datasetId, other]) {
      expect((await h.call('POST', '/examples', { dataset_id, inputs: {}, id })).status).toBe(409)
      const bulk = [free, id].map((one) => ({ dataset_id, inputs: {}, id: one }))
      expect((await h.call('POST', '/examples/bulk', bulk)).status).toBe(409)
    }
    const twice = [free, free].map((one) => ({ dataset_id: datasetId, inputs: {}, id: one }))
    expect((await h.call('POST', '/examples/bulk', twice)).status).toBe(409)
    expect((await h.call('GET', `/examples/${free}`)).status).toBe(404)
  })

  test('an update that names another dataset is refused', async () => {
    const h = await harness()
    const [datasetId, other] = [await makeDataset(h), await makeDataset(h)]
    const mine = await makeExample(h, datasetId)
    const theirs = await makeExample(h, other)
    const patch = { inputs: { x: 1 } }
    expect(
      (await h.call('PATCH', `/examples/${mine.id}`, { ...patch, dataset_id: other })).status,
    ).toBe(409)
    for (const body of [
      [
        { id: mine.id, ...patch },
        { id: theirs.id, ...patch },
      ],
      [
        { id: mine.id, ...patch },
        { id: theirs.id, ...patch, dataset_id: other },
      ],
    ]) {
      expect((await h.call('PATCH', '/examples/bulk', body)).status).toBe(409)
    }
    expect((await h.call('GET', `/examples/${mine.id}`)).body).toEqual(mine)
  })
})

describe('200 PATCH /examples', () => {
  test('null keeps, objects replace, and only `split` changes the splits', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const made = await makeExample(h, datasetId, {
      inputs: { a: 1 },
      outputs: { b: 2 },
      metadata: { k: 1, l: 2 },
      split: 'train',
    })
    const kept = { inputs: null, outputs: null, metadata: null, split: null, dataset_id: null }
    const left = await h.call('PATCH', `/examples/${made.id}`, kept)
    expect(left).toMatchObject({ status: 200, body: { ...made, modified_at: expect.any(String) } })
    const changed = await h.call('PATCH', `/examples/${made.id}`, {
      outputs: {},
      metadata: { m: 3, dataset_split: ['ignored'] },
    })
    expect(changed.body).toMatchObject({
      inputs: { a: 1 },
      outputs: {},
      created_at: made.created_at,
    })
    expect(changed.body.metadata).toEqual({ m: 3, dataset_split: ['train'] })
    const split = await h.call('PATCH', `/examples/${made.id}`, {
      split: ['x', 'y', 'x'],
      overwrite: true,
    })
    expect(split.body.metadata).toEqual({ m: 3, dataset_split: ['x', 'y'] })
    expect(split.body.modified_at > changed.body.modified_at).toBe(true)
  })

  test('with overwrite, null clears, as in a new example; absent fields stay', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const full = { inputs: { a: 1 }, outputs: { b: 2 }, metadata: { k: 1 }, split: 'train' }
    const cleared = { inputs: null, outputs: null, metadata: null, split: null, dataset_id: null }
    const made = await makeExample(h, datasetId, full)
    const fresh = await makeExample(h, datasetId)
    const other = await makeExample(h, datasetId, full)

    const outputs = { outputs: null, overwrite: true }
    expect((await h.call('PATCH', `/examples/${made.id}`, outputs)).body).toMatchObject({
      inputs: { a: 1 },
      outputs: null,
      metadata: { k: 1, dataset_split: ['train'] },
    })
    const all = await h.call('PATCH', `/examples/${made.id}`, { ...cleared, overwrite: true })
    const { inputs, metadata } = fresh as unknown as Record<string, unknown>
    expect(all.body).toMatchObject({ id: made.id, inputs, outputs: null, metadata })

    const bulk = [
      { id: made.id, inputs: { a: 2 }, overwrite: true },
      { id: other.id, ...cleared, overwrite: false },
    ]
    expect((await h.call('PATCH', '/examples/bulk', bulk)).status).toBe(200)
    expect((await h.call('GET', `/examples/${made.id}`)).body.inputs).toEqual({ a: 2 })
    expect((await h.call('GET', `/examples/${other.id}`)).body).toMatchObject({
      inputs: full.inputs,
      outputs: full.outputs,
      metadata: { k: 1, dataset_split: ['train'] },
    })
  })

  test('many updates are one version, and an id that occurs twice is changed twice', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const [a, b] = [await makeExample(h, datasetId), await makeExample(h, datasetId)]
    const answer = await h.call('PATCH', '/examples/bulk', [
      { id: a.id, inputs: { x: 1 } },
      { id: b.id, dataset_id: datasetId, outputs: { y: 2 } },
      { id: a.id, outputs: { z: 3 } },
    ])
    expect(answer).toMatchObject({ status: 200, body: { count: 2, example_ids: [a.id, b.id] } })
    expect((await h.call('GET', `/examples/${a.id}`)).body).toMatchObject({
      inputs: { x: 1 },
      outputs: { z: 3 },
      modified_at: answer.body.as_of,
    })
    const half = [{ id: b.id, inputs: { half: 1 } }, { id: randomUUID() }]
    expect((await h.call('PATCH', '/examples/bulk', half)).status).toBe(404)
    expect((await h.call('GET', `/examples/${b.id}`)).body.inputs).toEqual({})
  })
})

describe('versions', () => {
  test('as_of is inclusive, and shows the state before changes and deletes', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const first = await makeExample(h, datasetId, { inputs: { v: 1 } })
    const { body: second } = await h.call('PATCH', `/examples/${first.id}`, { inputs: { v: 2 } })
    await h.call('DELETE', `/examples/${first.id}`)
    const at = async (asOf: string): Promise<Answer> =>
      h.call('GET', `/examples/${first.id}?as_of=${asOf}`)
    expect((await at(first.modified_at)).body.inputs).toEqual({ v: 1 })
    expect((await at(second.modified_at)).body.inputs).toEqual({ v: 2 })
    expect((await at(second.modified_at.replace('000Z', '%2B00:00'))).body.inputs).toEqual({ v: 2 })
    expect((await at(second.modified_at.replace('Z', '+00:00'))).body.inputs).toEqual({ v: 2 })
    expect((await at('2020-01-01T00:00:00Z')).status).toBe(404)
    expect((await at('latest')).status).toBe(404)
    expect((await at('some-tag')).status).toBe(404)
    expect(await listIds(h, `id=${first.id}`)).toEqual([])
    expect(await listIds(h, `id=${first.id}&as_of=${first.modified_at}`)).toEqual([first.id])
    expect(await listIds(h, `dataset=${datasetId}&as_of=some-tag`)).toEqual([])
    expect((await h.call('GET', `/examples/count?dataset=${datasetId}&as_of=some-tag`)).body).toBe(
      0,
    )
    expect(
      (await h.call('GET', `/examples/count?dataset=${datasetId}&as_of=${second.modified_at}`))
        .body,
    ).toBe(1)
  })

  test('a deleted id can be used again', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const { id } = await makeExample(h, datasetId)
    await h.call('DELETE', `/examples?example_ids=${id}&example_ids=${randomUUID()}`)
    expect((await makeExample(h, datasetId, { id, inputs: { again: true } })).inputs).toEqual({
      again: true,
    })
  })
})

describe('200 GET /examples', () => {
  test('every condition narrows the list and the count alike', async () => {
    const h = await harness()
    const [datasetId, other] = [await makeDataset(h), await makeDataset(h)]
    const a = await makeExample(h, datasetId, {
      inputs: { q: 'What is "Runmill"?' },
      metadata: { foo: 'bar', n: { x: 1 } },
      split: ['train', 'all'],
    })
    const b = await makeExample(h, datasetId, { outputs: { a: 'RUNMILL' }, metadata: { baz: 1 } })
    const c = await makeExample(h, other)
    const expectations: [query: string, ids: string[]][] = [
      ['', [c.id, b.id, a.id]],
      [`dataset=${datasetId}`, [b.id, a.id]],
      [`dataset=${randomUUID()}`, []],
      [`id=${a.id}&id=${c.id}`, [c.id, a.id]],
      [`metadata=${json({ n: { x: 1 } })}`, [a.id]],
      [`metadata=${json({ dataset_split: ['train'] })}`, [a.id]],
      ['full_text_contains=runmill', [b.id, a.id]],
      ['full_text_contains=runmill&full_text_contains=what', [a.id]],
      ['splits=train&splits=other', [a.id]],
      [`splits=base&dataset=${datasetId}`, [b.id]],
      [`filter=${encodeURIComponent('exists(metadata, "baz")')}`, [b.id]],
      [
        `filter=${encodeURIComponent(`and(not(has("metadata", '{"foo": "bar"}')), exists(metadata, "baz"))`)}`,
        [b.id],
      ],
      ['inline_s3_urls=false&unknown=1&limit=1', [c.id]],
    ]
    for (const [query, ids] of expectations) {
      expect([query, await listIds(h, query)]).toEqual([query, ids])
      if (query.includes('limit')) continue
      expect([query, (await h.call('GET', `/examples/count?${query}`)).body]).toEqual([
        query,
        ids.length,
      ])
    }
  })

  test('orders', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const ids: string[] = []
    for (let i = 0; i < 4; i++) ids.push((await makeExample(h, datasetId)).id)
    await h.call('PATCH', `/examples/${ids[0]}`, { inputs: { changed: true } })
    const [a, b, c, d] = ids
    expect(await listIds(h, 'order=recent')).toEqual([a, d, c, b])
    expect(await listIds(h, 'order=recent&descending=false')).toEqual([b, c, d, a])
    expect(await listIds(h, 'order=recently_created')).toEqual([d, c, b, a])
    expect(await listIds(h, 'order=id')).toEqual(ids.toSorted())
    expect(await listIds(h, 'order=id&descending=True')).toEqual(ids.toSorted().toReversed())
    const shuffled = await listIds(h, 'order=random&random_seed=0.5')
    expect(shuffled.toSorted()).toEqual(ids.toSorted())
    expect([
      ...(await listIds(h, 'order=random&random_seed=0.5&limit=3')),
      ...(await listIds(h, 'order=random&random_seed=0.5&offset=3')),
    ]).toEqual(shuffled)
  })

  test('select keeps the fields that clients depend on, and attachments are shown only when asked for', async () => {
    const h = await harness()
    await makeExample(h, await makeDataset(h))
    const [all] = (await h.call('GET', '/examples')).body
    expect(Object.keys(all)).not.toContain('attachment_urls')
    expect(Object.keys(all)).toHaveLength(9)
    const selected = await h.call(
      'GET',
      '/examples?select=attachment_urls&select=outputs&select=metadata',
    )
    expect(Object.keys(selected.body[0]).toSorted()).toEqual([
      'attachment_urls',
      'created_at',
      'dataset_id',
      'id',
      'inputs',
      'metadata',
      'modified_at',
      'outputs',
    ])
  })

  test('items of the other dialect are objects, and archived ones look deleted', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const { id, modified_at: before } = await makeExample(h, datasetId)
    await h.db`
      update examples set inputs = '"question"', outputs = '[1]', metadata = '"note"' where id = ${id}`
    expect((await h.call('GET', `/examples/${id}`)).body).toMatchObject({
      inputs: { input: 'question' },
      outputs: { output: [1] },
      metadata: { metadata: 'note', dataset_split: ['base'] },
    })
    await h.db`update examples set archived = true where id = ${id}`
    expect(await listIds(h, `dataset=${datasetId}`)).toEqual([])
    for (const [method, body] of [['GET'], ['PATCH', {}], ['DELETE']] as const) {
      expect((await h.call(method, `/examples/${id}`, body)).status).toBe(404)
    }
    expect((await h.call('GET', `/examples/${id}?as_of=${before}`)).status).toBe(404)
  })
})

describe('JSON Schema', () => {
  const schemas = {
    inputs_schema_definition: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        q: { type: 'string' },
        m: { $ref: 'https://api.example.com/public/schemas/v1/message.json' },
      },
      required: ['q'],
    },
    outputs_schema_definition: { type: 'object', properties: { n: { type: 'integer' } } },
  }

  test('422 for a create or update that violates the schema of its dataset, and nothing is stored', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h, schemas)
    const good = { dataset_id: datasetId, inputs: { q: 'x', m: { anything: 1 } } }
    const { id } = await makeExample(h, datasetId, good)
    const bad = { ...good, outputs: { n: 'text' } }
    expect(await h.call('POST', '/examples', { ...good, inputs: { q: 1 } })).toMatchObject({
      status: 422,
      body: {
        detail: [{ loc: ['body', 'inputs', 'q'], msg: 'must be string', type: 'schema_violation' }],
      },
    })
    expect(await h.call('POST', '/examples/bulk', [good, bad])).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 1, 'outputs', 'n'] }] },
    })
    expect((await h.call('PATCH', `/examples/${id}`, { inputs: {} })).status).toBe(422)
    expect((await h.call('PATCH', '/examples/bulk', [{ id, outputs: { n: 1.5 } }])).status).toBe(
      422,
    )
    expect((await h.call('GET', '/examples/count')).body).toBe(1)
    expect((await h.call('GET', `/examples/${id}`)).body).toMatchObject({
      inputs: { q: 'x' },
      outputs: null,
    })
  })
})

describe('404 /examples', () => {
  test('an unknown example or dataset, or another tenant\'s, is "not found" in lower case', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const { id } = await makeExample(h, datasetId)
    const stranger = await h.addTenant()
    for (const [as, path] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      for (const [method, body] of [['GET'], ['PATCH', {}], ['DELETE']] as const) {
        const answer = await h.callAs(as, method, `/examples/${path}`, body)
        expect(answer).toMatchObject({ status: 404, body: { detail: 'Example not found' } })
      }
      expect((await h.callAs(as, 'PATCH', '/examples/bulk', [{ id: path }])).status).toBe(404)
      const create = { dataset_id: as === stranger ? datasetId : randomUUID(), inputs: {} }
      for (const [url, body] of [
        ['/examples', create],
        ['/examples/bulk', [create]],
      ] as const) {
        expect(await h.callAs(as, 'POST', url, body)).toMatchObject({
          status: 404,
          body: { detail: 'Dataset not found' },
        })
      }
    }
    await h.callAs(stranger, 'DELETE', `/examples?example_ids=${id}`)
    expect((await h.callAs(stranger, 'GET', `/examples?id=${id}`)).body).toEqual([])
    expect((await h.callAs(stranger, 'GET', `/examples/count?dataset=${datasetId}`)).body).toBe(0)
    expect((await h.call('GET', `/examples/${id}?dataset=${randomUUID()}`)).status).toBe(404)
    expect((await h.call('GET', `/examples/${id}`)).status).toBe(200)
  })
})

describe('400 and 422 /examples', () => {
  test('a filter over anything but metadata is 400', async () => {
    const h = await harness()
    const answer = await h.call('GET', `/examples?filter=${encodeURIComponent('eq(name, "x")')}`)
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('Invalid filter') },
    })
  })

  test('every kind of wrong input is refused and stores nothing', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h)
    const bodies: unknown[] = [
      undefined,
      [],
      {},
      { dataset_id: 'nope', inputs: {} },
      { dataset_id, inputs: [] },
      { dataset_id, inputs: 'text' },
      { dataset_id, inputs: {}, outputs: 1 },
      { dataset_id, inputs: {}, metadata: [] },
      { dataset_id, inputs: {}, split: 5 },
      { dataset_id, inputs: {}, split: [5] },
      { dataset_id, inputs: {}, id: 'nope' },
      { dataset_id, inputs: {}, created_at: 'then' },
      { dataset_id, inputs: {}, source_run_id: 'nope' },
      `{"dataset_id":"${dataset_id}","inputs":{"a":${'['.repeat(1000)}${']'.repeat(1000)}}}`,
      `{"dataset_id":"${dataset_id}","inputs":{},"metadata":{"n":1e999999}}`,
    ]
    for (const body of bodies) {
      expect([(await h.call('POST', '/examples', body)).status, body]).toEqual([422, body])
      const bulk = typeof body === 'string' ? `[${body}]` : [body ?? null]
      expect([(await h.call('POST', '/examples/bulk', bulk)).status, body]).toEqual([422, body])
    }
    const mixed = [
      { dataset_id, inputs: {} },
      { dataset_id: await makeDataset(h), inputs: {} },
    ]
    expect((await h.call('POST', '/examples/bulk', mixed)).status).toBe(422)
    expect((await h.call('POST', '/examples/bulk', {})).status).toBe(422)
    expect((await h.call('GET', '/examples/count')).body).toBe(0)

    const { id } = await makeExample(h, dataset_id)
    for (const patch of [
      [],
      'text',
      { inputs: [] },
      { metadata: 1 },
      { split: {} },
      { dataset_id: 'nope' },
      { overwrite: 'yes' },
    ]) {
      expect([(await h.call('PATCH', `/examples/${id}`, patch)).status, patch]).toEqual([
        422,
        patch,
      ])
      expect([(await h.call('PATCH', '/examples/bulk', [patch])).status, patch]).toEqual([
        422,
        patch,
      ])
    }
    for (const query of [
      'limit=0',
      'limit=101',
      'offset=-1',
      'dataset=nope',
      'id=nope',
      'metadata=x',
      'order=best',
      'descending=2',
      'random_seed=x',
      'select=everything',
    ]) {
      expect([(await h.call('GET', `/examples?${query}`)).status, query]).toEqual([422, query])
    }
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await h.call(method, '/examples/nope')).status).toBe(422)
    }
    expect((await h.call('DELETE', '/examples')).status).toBe(422)
    expect(
      (await h.call('GET', '/examples?full_text_contains=%00&splits=%00&as_of=%00')).body,
    ).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('text that Postgres cannot hold is stored in a readable form', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h)
    const made = await h.call(
      'POST',
      '/examples',
      `{"dataset_id":"${dataset_id}","inputs":{"\\ud800":1},"metadata":{"k\\u0000":"\\udc00"},"split":"s\\u0000"}`,
    )
    expect(made).toMatchObject({
      status: 200,
      body: {
        inputs: { '\ud800': 1 },
        metadata: { 'k\ufffd': '\ufffd', dataset_split: ['s\ufffd'] },
      },
    })
    expect(h.errors).toEqual([])
  })
})
