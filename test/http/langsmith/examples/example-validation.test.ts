import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const schemas = {
  inputs_schema_definition: {
    type: 'object',
    properties: { q: { type: 'string' } },
    required: ['q'],
  },
  outputs_schema_definition: { type: 'object', properties: { n: { type: 'integer' } } },
}

async function makeDataset(h: Harness, rest: object = schemas): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

describe('200 POST /examples/validate', () => {
  test('a valid example is returned as it was sent, and nothing is stored', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h)
    const draft = `{"dataset_id":"${dataset_id}","inputs":{"q":"x","n":1.0},"split":["a","b"]}`
    const answer = await h.call('POST', '/examples/validate', draft)
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.body).toEqual({
      id: null,
      dataset_id,
      inputs: { q: 'x', n: 1 },
      outputs: null,
      metadata: null,
      split: ['a', 'b'],
      created_at: null,
      source_run_id: null,
      use_source_run_io: false,
      overwrite: false,
    })
    expect(answer.text).toContain('"n":1.0')
    const bulk = await h.call('POST', '/examples/validate/bulk', [
      { dataset_id, inputs: { q: 'x' }, outputs: { n: 1 }, metadata: { k: 1 } },
      { dataset_id: await makeDataset(h, {}), inputs: { anything: 1 } },
    ])
    expect(bulk).toMatchObject({
      status: 200,
      body: [{ inputs: { q: 'x' }, outputs: { n: 1 }, split: 'base' }, { inputs: { anything: 1 } }],
    })
    expect((await h.call('POST', '/examples/validate/bulk', [])).body).toEqual([])
    expect((await h.call('GET', '/examples/count')).body).toBe(0)
  })

  test('an id alone means an update: fields that are not sent are those of the example', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h)
    const { body: example } = await h.call('POST', '/examples', { dataset_id, inputs: { q: 'x' } })
    const validate = async (rest: object) =>
      h.call('POST', '/examples/validate', { id: example.id, ...rest })
    expect((await validate({ outputs: { n: 1 } })).status).toBe(200)
    expect((await validate({ outputs: { n: 'x' } })).status).toBe(422)
    expect((await validate({ inputs: {} })).status).toBe(422)
    expect((await h.call('GET', `/examples/${example.id}`)).body).toEqual(example)
  })
})

describe('422 POST /examples/validate', () => {
  test('every way in which an example violates the schemas is named', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h)
    const bad = { dataset_id, inputs: { q: 1 }, outputs: { n: 'x' } }
    const detail = (...at: (string | number)[]) => [
      { loc: ['body', ...at, 'inputs', 'q'], msg: 'must be string', type: 'schema_violation' },
      { loc: ['body', ...at, 'outputs', 'n'], msg: 'must be integer', type: 'schema_violation' },
    ]
    expect(await h.call('POST', '/examples/validate', bad)).toMatchObject({
      status: 422,
      body: { detail: detail() },
    })
    const bulk = [{ dataset_id, inputs: { q: 'x' } }, bad]
    expect(await h.call('POST', '/examples/validate/bulk', bulk)).toMatchObject({
      status: 422,
      body: { detail: detail(1) },
    })
  })

  test('every kind of wrong input is refused', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h, {})
    for (const body of [
      undefined,
      [],
      {},
      { inputs: {} },
      { dataset_id: 'nope' },
      { dataset_id, id: 'nope' },
      { dataset_id, inputs: [] },
      { dataset_id, outputs: 'x' },
      { dataset_id, split: 5 },
      { dataset_id, overwrite: 'yes' },
      `{"dataset_id":"${dataset_id}","inputs":{"a":${'['.repeat(1000)}${']'.repeat(1000)}}}`,
    ]) {
      expect([(await h.call('POST', '/examples/validate', body)).status, body]).toEqual([422, body])
      const bulk = typeof body === 'string' ? `[${body}]` : [body ?? null]
      expect([(await h.call('POST', '/examples/validate/bulk', bulk)).status, body]).toEqual([
        422,
        body,
      ])
    }
    expect((await h.call('POST', '/examples/validate/bulk', {})).status).toBe(422)
    expect(h.errors).toEqual([])
  })
})

describe('404 POST /examples/validate', () => {
  test('unknown datasets and examples, and those of another tenant, are "not found" in lower case', async () => {
    const h = await harness()
    const dataset_id = await makeDataset(h, {})
    const { body: example } = await h.call('POST', '/examples', { dataset_id, inputs: {} })
    const stranger = await h.addTenant()
    for (const [as, draft, what] of [
      [h.tenant, { dataset_id: randomUUID() }, 'Dataset'],
      [stranger, { dataset_id }, 'Dataset'],
      [h.tenant, { id: randomUUID() }, 'Example'],
      [stranger, { id: example.id }, 'Example'],
    ] as const) {
      for (const [url, body] of [
        ['/examples/validate', draft],
        ['/examples/validate/bulk', [draft]],
      ] as const) {
        expect(await h.callAs(as, 'POST', url, body)).toMatchObject({
          status: 404,
          body: { detail: `${what} not found` },
        })
      }
    }
  })
})
