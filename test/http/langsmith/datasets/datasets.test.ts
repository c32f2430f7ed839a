import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))
const missing = { __missing__: '__missing__' }

async function makeDataset(h: Harness, name: string, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name, ...rest })
  expect(answer.status).toBe(200)
  return answer.body.id as string
}

async function namesOf(h: Harness, query: string): Promise<string[]> {
  const answer = await h.call('GET', `/datasets?${query}`)
  expect(answer.status).toBe(200)
  return (answer.body as { name: string }[]).map(({ name }) => name)
}

describe('200 POST /datasets', () => {
  test('a dataset reads back with everything it was made with, under every prefix', async () => {
    const h = await harness()
    const id = randomUUID()
    const inputsSchema = '{"type":"object","required":["q"],"properties":{"q":{"maximum":1.0}}}'
    const made = await h.call(
      'POST',
      '/api/v1/datasets',
      `{"id":"${id.toUpperCase()}","name":"d","description":"text","data_type":"chat","created_at":"2026-01-01T00:00:00.123456Z",
        "inputs_schema_definition":${inputsSchema},"externally_managed":true,"tag_value_ids":["ignored"],
        "transformations":[{"path":["inputs"],"transformation_type":"remove_system_messages"}],
        "extra":{"source":"sdk","metadata":{"runtime":{"sdk":"js"},"k":1}}}`,
    )
    expect(made.body).toEqual({
      id,
      tenant_id: h.tenant.id,
      name: 'd',
      description: 'text',
      data_type: 'chat',
      created_at: '2026-01-01T00:00:00.123456Z',
      modified_at: expect.stringMatching(/^2026-01-\d\dT[\d:]{8}\.\d{6}Z$/),
      inputs_schema_definition: JSON.parse(inputsSchema) as unknown,
      outputs_schema_definition: null,
      transformations: [{ path: ['inputs'], transformation_type: 'remove_system_messages' }],
      externally_managed: true,
      metadata: { runtime: { sdk: 'js' }, k: 1 },
      baseline_experiment_id: null,
      example_count: 0,
      session_count: 0,
      last_session_start_time: null,
    })
    expect(made.text).toContain(inputsSchema)
    for (const prefix of ['', '/api', '/api/v1']) {
      const read = await h.call('GET', `${prefix}/datasets/${id}?limit=1`)
      expect(read).toMatchObject({ status: 200, body: made.body })
    }
  })

  test('the counts are those of the existing examples and experiments', async () => {
    const h = await harness()
    const id = await makeDataset(h, 'd')
    const example = await h.call('POST', '/examples', { dataset_id: id, inputs: {} })
    await h.call('POST', '/examples', { dataset_id: id, inputs: {} })
    await h.call('DELETE', `/examples/${example.body.id}`)
    const session = await h.call('POST', '/sessions', { name: 's', reference_dataset_id: id })
    expect((await h.call('GET', `/datasets/${id}`)).body).toMatchObject({
      example_count: 1,
      session_count: 1,
      last_session_start_time: session.body.start_time,
    })
    const [listed] = (await h.call('GET', '/datasets?exclude=example_count')).body
    expect(listed).toMatchObject({ example_count: null, session_count: 1 })
  })
})

describe('409 /datasets', () => {
  test('a taken name or id is refused on create, a taken name on rename', async () => {
    const h = await harness()
    const first = await makeDataset(h, 'first')
    const second = await makeDataset(h, 'second')
    for (const body of [{ name: 'first' }, { name: 'third', id: first }]) {
      expect((await h.call('POST', '/datasets', body)).status).toBe(409)
    }
    const renamed = await h.call('PATCH', `/datasets/${second}`, {
      name: 'first',
      description: 'x',
    })
    expect(renamed.status).toBe(409)
    expect((await h.call('GET', `/datasets/${second}`)).body).toMatchObject({
      name: 'second',
      description: null,
    })
  })
})

describe('200 GET /datasets', () => {
  test('all conditions that are given must hold', async () => {
    const h = await harness()
    const a = await makeDataset(h, 'Alpha', { extra: { metadata: { k: { v: 1 } } } })
    const b = await makeDataset(h, 'beta', { data_type: 'llm' })
    expect(await namesOf(h, 'name=alpha')).toEqual([])
    expect(await namesOf(h, 'name=Alpha')).toEqual(['Alpha'])
    expect(await namesOf(h, 'name_contains=LPH')).toEqual(['Alpha'])
    expect(await namesOf(h, 'name_contains=_')).toEqual([])
    expect(await namesOf(h, `id=${a}&id=${b}&sort_by=name&sort_by_desc=False`)).toEqual([
      'Alpha',
      'beta',
    ])
    expect(await namesOf(h, `id=${b}&name=Alpha`)).toEqual([])
    expect(await namesOf(h, 'data_type=llm')).toEqual(['beta'])
    expect(await namesOf(h, 'data_type=llm&data_type=kv')).toHaveLength(2)
    expect(await namesOf(h, `metadata=${json({ k: { v: 1 } })}&name_contains=a&id=${a}`)).toEqual([
      'Alpha',
    ])
    expect(await namesOf(h, `metadata=${json({ k: 1 })}`)).toEqual([])
  })

  test('sorts by every column, and pages join without gaps', async () => {
    const h = await harness()
    const ids = [await makeDataset(h, 'b'), await makeDataset(h, 'a'), await makeDataset(h, 'c')]
    await h.call('POST', '/examples', { dataset_id: ids[1], inputs: {} })
    await h.call('POST', '/sessions', { name: 's', reference_dataset_id: ids[0] })
    await h.call('PATCH', `/datasets/${ids[0]}`, { description: 'changed' })
    expect((await namesOf(h, ''))[0]).toBe('b')
    expect(await namesOf(h, 'sort_by=created_at')).toEqual(['c', 'a', 'b'])
    expect((await namesOf(h, 'sort_by=modified_at'))[0]).toBe('b')
    expect((await namesOf(h, 'sort_by=example_count'))[0]).toBe('a')
    expect((await namesOf(h, 'sort_by=session_count'))[0]).toBe('b')
    expect([
      ...(await namesOf(h, 'sort_by=name&sort_by_desc=false&limit=2')),
      ...(await namesOf(h, 'sort_by=name&sort_by_desc=false&limit=2&offset=2')),
    ]).toEqual(['a', 'b', 'c'])
  })
})

describe('200 PATCH /datasets/{id}', () => {
  test('absent fields and the "missing" marker leave values unchanged, null clears them', async () => {
    const h = await harness()
    const schema = { type: 'object' }
    const id = await makeDataset(h, 'd', {
      description: 'text',
      inputs_schema_definition: schema,
      outputs_schema_definition: schema,
      extra: { metadata: { a: 1 } },
    })
    const left = await h.call('PATCH', `/datasets/${id}`, {
      name: missing,
      description: missing,
      inputs_schema_definition: missing,
      metadata: missing,
      transformations: missing,
      baseline_experiment_id: missing,
    })
    expect(left).toMatchObject({
      status: 200,
      body: {
        name: 'd',
        description: 'text',
        inputs_schema_definition: schema,
        metadata: { a: 1 },
      },
    })
    expect(left.headers['x-updated-examples-count']).toBe('0')
    expect(left.body).not.toHaveProperty('example_count')
    const experiment = randomUUID()
    const changed = await h.call('PATCH', `/datasets/${id}`, {
      name: 'renamed',
      description: null,
      inputs_schema_definition: null,
      metadata: { b: 2 },
      baseline_experiment_id: experiment,
    })
    expect(changed.body).toMatchObject({
      name: 'renamed',
      description: null,
      inputs_schema_definition: null,
      outputs_schema_definition: schema,
      metadata: { b: 2 },
      baseline_experiment_id: experiment,
    })
    const cleared = await h.call('PATCH', `/datasets/${id}`, {
      metadata: null,
      baseline_experiment_id: null,
    })
    expect(cleared.body).toMatchObject({ metadata: null, baseline_experiment_id: null })
  })

  test('a schema and the examples that must change with it can be sent in one request', async () => {
    const h = await harness()
    const id = await makeDataset(h, 'd')
    const { body: example } = await h.call('POST', '/examples', {
      dataset_id: id,
      inputs: { old: 1 },
    })
    const schema = { type: 'object', required: ['q'] }
    const refused = await h.call('PATCH', `/datasets/${id}`, { inputs_schema_definition: schema })
    expect(refused).toMatchObject({
      status: 422,
      body: { detail: [{ msg: expect.stringContaining("'q'") }] },
    })
    const other = await h.call('POST', '/examples', { dataset_id: id, inputs: { old: 2 } })
    const half = await h.call('PATCH', `/datasets/${id}`, {
      inputs_schema_definition: schema,
      patch_examples: { [example.id]: { inputs: { q: 1 } } },
    })
    expect(half.status).toBe(422)
    expect((await h.call('GET', `/examples/${example.id}`)).body).toEqual(example)
    await h.call('DELETE', `/examples/${other.body.id}`)
    const patched = await h.call('PATCH', `/datasets/${id}`, {
      inputs_schema_definition: schema,
      patch_examples: { [example.id]: { inputs: { q: 1 } } },
    })
    expect(patched).toMatchObject({ status: 200, body: { inputs_schema_definition: schema } })
    expect(patched.headers['x-updated-examples-count']).toBe('1')
    expect((await h.call('GET', `/examples/${example.id}`)).body.inputs).toEqual({ q: 1 })
  })
})

describe('DELETE /datasets', () => {
  test('its examples and experiments are deleted with it, and its name is free at once', async () => {
    const h = await harness()
    const id = await makeDataset(h, 'd')
    const example = await h.call('POST', '/examples', { dataset_id: id, inputs: {} })
    const session = await h.call('POST', '/sessions', { name: 's', reference_dataset_id: id })
    expect((await h.call('DELETE', `/datasets/${id}`)).status).toBe(200)
    for (const path of [
      `datasets/${id}`,
      `examples/${example.body.id}`,
      `sessions/${session.body.id}`,
    ]) {
      expect((await h.call('GET', `/${path}`)).status).toBe(404)
    }
    expect(await makeDataset(h, 'd')).not.toBe(id)
    expect((await h.call('POST', '/sessions', { name: 's' })).status).toBe(200)
    await h.drain()
    expect(h.errors).toEqual([])
  })

  test('several can be deleted by query, and unknown ids are ignored', async () => {
    const h = await harness()
    const ids = [await makeDataset(h, 'a'), await makeDataset(h, 'b'), await makeDataset(h, 'c')]
    const query = [ids[0], ids[1], randomUUID()].map((id) => `dataset_ids=${id}`).join('&')
    expect((await h.call('DELETE', `/datasets?${query}`)).status).toBe(200)
    expect(await namesOf(h, '')).toEqual(['c'])
  })
})

describe('404 /datasets', () => {
  test('an unknown dataset, or another tenant\'s, is "not found" in lower case', async () => {
    const h = await harness()
    const id = await makeDataset(h, 'mine')
    const stranger = await h.addTenant()
    for (const [as, path] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await h.callAs(
          as,
          method,
          `/datasets/${path}`,
          method === 'PATCH' ? {} : undefined,
        )
        expect(answer).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
      }
    }
    await h.callAs(stranger, 'DELETE', `/datasets?dataset_ids=${id}`)
    expect((await h.callAs(stranger, 'GET', '/datasets')).body).toEqual([])
    expect(await namesOf(h, 'name=mine')).toEqual(['mine'])
  })
})

describe('422 /datasets', () => {
  test('a schema of more than 100,000 characters is refused, whatever it says', async () => {
    const h = await harness()
    const schema = (length: number): object => ({ description: 'x'.repeat(length - 18) })
    const send = async (name: string, length: number) =>
      h.call('POST', '/datasets', { name, inputs_schema_definition: schema(length) })
    expect((await send('fits', 100_000)).status).toBe(200)
    const { status, body } = await send('too long', 100_001)
    expect(status).toBe(422)
    expect(body.detail).toMatchObject([{ loc: ['body', 'inputs_schema_definition'] }])
  })

  test('every kind of wrong input is refused and stores nothing', async () => {
    const h = await harness()
    const bodies: unknown[] = [
      undefined,
      [],
      {},
      { name: '' },
      { name: 'x'.repeat(256) },
      { name: 'x', id: 'nope' },
      { name: 'x', data_type: 'table' },
      { name: 'x', created_at: 'then' },
      { name: 'x', extra: 'text' },
      { name: 'x', extra: { metadata: [] } },
      { name: 'x', transformations: {} },
      { name: 'x', externally_managed: 'yes' },
      { name: 'x', inputs_schema_definition: 'text' },
      { name: 'x', inputs_schema_definition: { type: 'nothing' } },
      { name: 'x', outputs_schema_definition: { properties: [] } },
      `{"name":"x","extra":{"metadata":{"a":${'['.repeat(1000)}${']'.repeat(1000)}}}}`,
      '{"name":"x","extra":{"metadata":{"n":1e999999}}}',
    ]
    for (const body of bodies) {
      expect([(await h.call('POST', '/datasets', body)).status, body]).toEqual([422, body])
    }
    expect((await h.call('GET', '/datasets')).body).toEqual([])
    const id = await makeDataset(h, 'd')
    const patches: unknown[] = [
      [],
      { name: '' },
      { name: 3 },
      { description: {} },
      { metadata: 'text' },
      { inputs_schema_definition: { type: 'nothing' } },
      { baseline_experiment_id: 'nope' },
      { patch_examples: { nope: {} } },
      { patch_examples: { [randomUUID()]: { inputs: [] } } },
    ]
    for (const patch of patches) {
      expect([(await h.call('PATCH', `/datasets/${id}`, patch)).status, patch]).toEqual([
        422,
        patch,
      ])
    }
    const unknownExample = { description: 'x', patch_examples: { [randomUUID()]: {} } }
    expect((await h.call('PATCH', `/datasets/${id}`, unknownExample)).status).toBe(404)
    expect((await h.call('GET', `/datasets/${id}`)).body.description).toBeNull()
    for (const query of [
      'limit=0',
      'limit=101',
      'offset=-1',
      'id=nope',
      'data_type=table',
      'metadata=1',
      'sort_by=id',
      'sort_by_desc=maybe',
    ]) {
      expect([(await h.call('GET', `/datasets?${query}`)).status, query]).toEqual([422, query])
    }
    expect((await h.call('GET', '/datasets/nope')).status).toBe(422)
    expect((await h.call('DELETE', '/datasets')).status).toBe(422)
    const tooMany = Array.from({ length: 101 }, () => `dataset_ids=${randomUUID()}`).join('&')
    expect((await h.call('DELETE', `/datasets?${tooMany}`)).status).toBe(422)
    expect(h.errors).toEqual([])
  })
})
