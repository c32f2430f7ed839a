import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

interface ExampleBody {
  id: string
  modified_at: string
  inputs: Record<string, unknown>
}

async function makeDataset(h: Harness, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

async function makeExample(h: Harness, datasetId: string, rest: object = {}): Promise<ExampleBody> {
  const answer = await h.call('POST', '/examples', { dataset_id: datasetId, inputs: {}, ...rest })
  expect(answer.status).toBe(200)
  return answer.body as ExampleBody
}

async function share(h: Harness, datasetId: string): Promise<string> {
  const answer = await h.call('PUT', `/datasets/${datasetId}/share?share_projects=false`)
  expect(answer.status).toBe(200)
  return answer.body.share_token as string
}

/** Sends a request without any key. */
async function publicly(h: Harness, url: string): Promise<Answer> {
  const response = await h.app.inject({ method: 'GET', url: `/public/${url}` })
  const text = response.body
  return { status: response.statusCode, body: JSON.parse(text), text, headers: response.headers }
}

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))

describe('200 /datasets/{id}/share', () => {
  test('a dataset has one token until it is unshared, and a different one when it is shared again', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const url = `/datasets/${id}/share`
    expect(await h.call('GET', url)).toMatchObject({ status: 200, body: null, text: 'null' })
    const put = await h.call('PUT', url, { dataset_id: id })
    expect(put.body).toEqual({
      dataset_id: id,
      share_token: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect((await h.call('PUT', url)).body).toEqual(put.body)
    expect((await h.call('GET', url)).body).toEqual(put.body)
    expect((await h.call('DELETE', url)).status).toBe(200)
    expect((await h.call('DELETE', url)).status).toBe(200)
    expect((await h.call('GET', url)).text).toBe('null')
    expect((await publicly(h, `${put.body.share_token}/datasets`)).status).toBe(404)
    expect(await share(h, id)).not.toBe(put.body.share_token)
  })
})

describe('200 /public/{token}', () => {
  test('anyone who has the token can read the dataset and its examples, whatever key they send', async () => {
    const h = await harness()
    const id = await makeDataset(h, {
      description: 'text',
      inputs_schema_definition: { type: 'object' },
      extra: { metadata: { secret: 1 } },
    })
    const a = await makeExample(h, id, {
      inputs: { q: 1 },
      outputs: { a: 2 },
      metadata: { k: 1 },
      source_run_id: randomUUID(),
    })
    const b = await makeExample(h, id)
    await makeExample(h, await makeDataset(h))
    const token = await share(h, id)
    const dataset = await publicly(h, `${token}/datasets`)
    expect(dataset).toMatchObject({ status: 200 })
    expect(dataset.body).toEqual({
      id,
      name: expect.any(String),
      description: 'text',
      data_type: 'kv',
      created_at: expect.any(String),
      inputs_schema_definition: { type: 'object' },
      outputs_schema_definition: null,
      transformations: null,
      externally_managed: false,
      example_count: 2,
    })
    const listed = await publicly(h, `${token}/examples`)
    expect(listed.body.map((example: ExampleBody) => example.id)).toEqual([b.id, a.id])
    expect(listed.body[1]).toEqual({
      id: a.id,
      dataset_id: id,
      name: `#${a.id.slice(0, 4)}`,
      created_at: expect.any(String),
      modified_at: a.modified_at,
      inputs: { q: 1 },
      outputs: { a: 2 },
      metadata: { k: 1, dataset_split: ['base'] },
      attachment_urls: null,
    })
    for (const [query, ids] of [
      ['limit=1', [b.id]],
      ['limit=1&offset=1', [a.id]],
      [`id=${a.id}`, [a.id]],
      [`as_of=${a.modified_at}`, [a.id]],
      [`metadata=${json({ k: 1 })}`, [a.id]],
      [`filter=${encodeURIComponent('exists(metadata, "k")')}`, [a.id]],
      ['as_of=nope', []],
    ] as const) {
      const { body } = await publicly(h, `${token}/examples?${query}`)
      expect([query, (body as ExampleBody[]).map((example) => example.id)]).toEqual([query, ids])
      if (query.includes('limit')) continue
      const count = await publicly(h, `${token}/examples/count?${query}`)
      expect([query, count.body]).toEqual([query, ids.length])
    }
    const withKey = { 'x-api-key': 'placeholder' }
    expect((await h.call('GET', `/public/${token}/examples/count`, undefined, withKey)).body).toBe(
      2,
    )
    const selected = await publicly(h, `${token}/examples?select=outputs&select=source_run_id`)
    expect(selected.body[1]).not.toHaveProperty('source_run_id')
  })

  test('the experiments on the dataset are listed with their statistics, and without their home', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const names = ['one', 'two', 'elsewhere']
    const sessions: string[] = []
    for (const [i, name] of names.entries()) {
      const dataset = name === 'elsewhere' ? await makeDataset(h) : id
      const made = await h.call('POST', '/sessions', {
        name,
        reference_dataset_id: dataset,
        start_time: `2026-01-2${i}T00:00:00Z`,
        extra: { metadata: { secret: 1 } },
      })
      sessions.push(made.body.id)
    }
    const run = { name: 'r', run_type: 'chain', start_time: '2026-01-21T14:35:42Z' }
    await h.call('POST', '/runs', { ...run, session_name: 'one', end_time: run.start_time })
    await h.drain()
    const { body: shared } = await h.call('PUT', `/datasets/${id}/share`)
    const list = async (query = '') =>
      publicly(h, `${shared.share_token}/datasets/sessions${query}`)
    const { status, body } = await list()
    expect(status).toBe(200)
    expect(body.map((session: { id: string }) => session.id)).toEqual([sessions[1], sessions[0]])
    expect(body[1]).toMatchObject({
      name: 'one',
      reference_dataset_id: id,
      run_count: 1,
      error_rate: 0,
      extra: null,
      tenant_id: '00000000-0000-0000-0000-000000000000',
    })
    for (const [query, count] of [
      ['?name=two', 1],
      ['?name_contains=o&limit=1', 1],
      [`?id=${sessions[0]}&id=${sessions[2]}`, 1],
      ['?offset=1', 1],
      ['?name=elsewhere', 0],
    ] as const) {
      expect([query, (await list(query)).body.length]).toEqual([query, count])
    }
  })

  test('share_projects=false keeps the experiments back, and a later request may change that', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await h.call('POST', '/sessions', { name: 'one', reference_dataset_id: id })
    const token = await share(h, id)
    const count = async () => (await publicly(h, `${token}/datasets/sessions`)).body.length
    expect(await count()).toBe(0)
    await h.call('PUT', `/datasets/${id}/share?share_projects=true`)
    expect(await count()).toBe(1)
    await h.call('PUT', `/datasets/${id}/share`)
    expect(await count()).toBe(1)
    await share(h, id)
    expect(await count()).toBe(0)
  })

  test('a list stays within the shared dataset, whatever is asked for', async () => {
    const h = await harness()
    const [id, other] = [await makeDataset(h), await makeDataset(h)]
    const hidden = await makeExample(h, other)
    const token = await share(h, id)
    for (const query of [`id=${hidden.id}`, `dataset=${other}`, '']) {
      expect((await publicly(h, `${token}/examples?${query}`)).body).toEqual([])
      expect((await publicly(h, `${token}/examples/count?${query}`)).body).toBe(0)
    }
  })

  test('a token gives access to nothing once its dataset is deleted, not even to a new dataset with its id', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const token = await share(h, id)
    await h.call('DELETE', `/datasets/${id}`)
    const paths = ['datasets', 'examples', 'examples/count', 'datasets/sessions']
    for (const path of paths) expect((await publicly(h, `${token}/${path}`)).status).toBe(404)
    await makeDataset(h, { id })
    for (const path of paths) expect((await publicly(h, `${token}/${path}`)).status).toBe(404)
    expect((await h.call('GET', `/datasets/${id}/share`)).text).toBe('null')
  })
})

describe('404 and 422 shares', () => {
  test('unknown datasets and tokens, and those of another tenant, are "not found" in lower case', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const token = await share(h, id)
    const stranger = await h.addTenant()
    for (const [as, dataset] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await h.callAs(as, method, `/datasets/${dataset}/share`)
        expect(answer).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
      }
    }
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      expect((await h.call(method, '/datasets/nope/share')).status).toBe(422)
    }
    for (const path of ['datasets', 'examples', 'examples/count']) {
      expect(await publicly(h, `${randomUUID()}/${path}`)).toMatchObject({
        status: 404,
        body: { detail: 'Dataset not found' },
      })
      expect((await publicly(h, `nope/${path}`)).status).toBe(422)
      // The id of what is shared is not a token.
      expect((await publicly(h, `${id}/${path}`)).status).toBe(404)
    }
    for (const query of ['limit=0', 'limit=101', 'id=nope', 'metadata=1', 'select=everything']) {
      expect([(await publicly(h, `${token}/examples?${query}`)).status, query]).toEqual([
        422,
        query,
      ])
    }
    expect((await publicly(h, `${token}/examples?filter=eq(`)).status).toBe(400)
    expect((await h.app.inject({ method: 'GET', url: `/datasets/${id}/share` })).statusCode).toBe(
      401,
    )
    expect(h.errors).toEqual([])
  })
})

describe('200 POST /datasets/clone', () => {
  test('copies the requested examples under new ids, in order, as one version', async () => {
    const h = await harness()
    const [source, target] = [await makeDataset(h), await makeDataset(h)]
    const runId = randomUUID()
    const old = await makeExample(h, source, { inputs: { v: 1 } })
    await h.call('PATCH', `/examples/${old.id}`, { inputs: { v: 2 } })
    const bulk = await h.call(
      'POST',
      '/examples/bulk',
      [
        `{"dataset_id":"${source}","inputs":{"n":1.0,"a":12345678901234567890},"outputs":{},"metadata":{"k":1},"split":"s","source_run_id":"${runId}"}`,
        `{"dataset_id":"${source}","inputs":{"n":2}}`,
      ]
        .join(',')
        .replace(/^/, '[')
        .concat(']'),
    )
    const [first, second] = bulk.body as ExampleBody[]
    const clone = async (body: object = {}) =>
      h.call('POST', '/datasets/clone', {
        source_dataset_id: source,
        target_dataset_id: target,
        ...body,
      })
    const all = await clone()
    const copies = all.body as ExampleBody[]
    expect(all.status).toBe(200)
    expect(copies.map(({ inputs }) => inputs.v ?? inputs.n)).toEqual([1, 2, 2])
    expect(all.text).toContain('{"n":1.0,"a":12345678901234567890}')
    expect(copies[0]).toMatchObject({
      dataset_id: target,
      outputs: {},
      metadata: { k: 1, dataset_split: ['s'] },
      source_run_id: runId,
    })
    expect(new Set(copies.map((copy) => copy.modified_at)).size).toBe(1)
    const known = [old.id, first!.id, second!.id]
    expect(copies.filter(({ id }) => known.includes(id))).toEqual([])
    expect((await h.call('GET', `/examples?dataset=${target}`)).body).toMatchObject(
      copies.map(({ id }) => ({ id })),
    )
    expect((await h.call('GET', `/examples/count?dataset=${source}`)).body).toBe(3)
    await h.call('PUT', `/datasets/${source}/tags`, { as_of: old.modified_at, tag: 'start' })
    for (const [body, inputs] of [
      [{ as_of: old.modified_at }, [{ v: 1 }]],
      [{ as_of: 'start' }, [{ v: 1 }]],
      [{ as_of: 'nope' }, []],
      [{ examples: [second!.id] }, [{ n: 2 }]],
      [{ examples: [], split: 's', as_of: null }, [{ n: 1, a: Number('12345678901234567890') }]],
      [{ split: ['s', 'other'] }, [{ n: 1, a: Number('12345678901234567890') }]],
      [{ split: 'other' }, []],
    ] as const) {
      const answer = await clone(body)
      expect([
        body,
        answer.status,
        (answer.body as ExampleBody[]).map((one) => one.inputs),
      ]).toEqual([body, 200, inputs])
    }
    // A dataset can be cloned into itself.
    const twice = { source_dataset_id: source, target_dataset_id: source }
    expect((await h.call('POST', '/datasets/clone', twice)).body).toHaveLength(3)
    expect((await h.call('GET', `/examples/count?dataset=${source}`)).body).toBe(6)
  })

  test('more examples than fit in a page are all copied and returned', async () => {
    const h = await harness()
    const [source, target] = [
      await makeDataset(h),
      await makeDataset(h, { inputs_schema_definition: { type: 'object' } }),
    ]
    const bodies = Array.from({ length: 450 }, (_, i) => ({ dataset_id: source, inputs: { i } }))
    await h.call('POST', '/examples/bulk', bodies)
    const answer = await h.call('POST', '/datasets/clone', {
      source_dataset_id: source,
      target_dataset_id: target,
    })
    expect((answer.body as ExampleBody[]).map(({ inputs }) => inputs.i)).toEqual(
      bodies.map(({ inputs }) => inputs.i),
    )
  })

  test('422 when one copy violates the schema of the target, and none is made', async () => {
    const h = await harness()
    const source = await makeDataset(h)
    const target = await makeDataset(h, {
      inputs_schema_definition: { type: 'object', required: ['q'] },
    })
    await makeExample(h, source, { inputs: { q: 1 } })
    const { id: bad } = await makeExample(h, source)
    const body = { source_dataset_id: source, target_dataset_id: target }
    expect(await h.call('POST', '/datasets/clone', body)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'examples', bad, 'inputs'], type: 'schema_violation' }] },
    })
    expect((await h.call('GET', `/examples/count?dataset=${target}`)).body).toBe(0)
    expect((await h.call('GET', `/datasets/${target}/versions`)).body).toEqual([])
  })

  test("404 for an unknown dataset, or another tenant's, on either side", async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await makeExample(h, id)
    const stranger = await h.addTenant()
    const made = await h.callAs(stranger, 'POST', '/datasets', { name: 'theirs' })
    const theirs = made.body.id as string
    for (const [source, target] of [
      [id, randomUUID()],
      [randomUUID(), id],
      [id, theirs],
      [theirs, id],
    ]) {
      const body = { source_dataset_id: source, target_dataset_id: target }
      expect(await h.call('POST', '/datasets/clone', body)).toMatchObject({
        status: 404,
        body: { detail: 'Dataset not found' },
      })
    }
    expect((await h.callAs(stranger, 'GET', '/examples/count')).body).toBe(0)
    expect((await h.call('GET', '/examples/count')).body).toBe(1)
  })

  test('422 for every kind of wrong input', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await makeExample(h, id)
    const good = { source_dataset_id: id, target_dataset_id: id }
    for (const body of [
      undefined,
      [],
      {},
      { source_dataset_id: id },
      { target_dataset_id: id },
      { ...good, source_dataset_id: 'nope' },
      { ...good, as_of: {} },
      { ...good, examples: 'x' },
      { ...good, examples: ['nope'] },
      { ...good, split: 5 },
      '{"source_dataset_id":',
    ]) {
      expect([(await h.call('POST', '/datasets/clone', body)).status, body]).toEqual([422, body])
    }
    const odd = `{"source_dataset_id":"${id}","target_dataset_id":"${id}","as_of":"\\u0000","split":"\\ud800"}`
    expect((await h.call('POST', '/datasets/clone', odd)).body).toEqual([])
    expect((await h.call('GET', '/examples/count')).body).toBe(1)
    expect(h.errors).toEqual([])
  })
})
