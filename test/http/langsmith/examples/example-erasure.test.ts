import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

interface ExampleBody {
  id: string
  modified_at: string
}

const url = '/v1/platform/datasets/examples/delete'

async function makeDataset(h: Harness): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID() })
  return answer.body.id as string
}

async function makeExample(h: Harness, datasetId: string, rest: object = {}): Promise<ExampleBody> {
  const answer = await h.call('POST', '/examples', { dataset_id: datasetId, inputs: {}, ...rest })
  expect(answer.status).toBe(200)
  return answer.body as ExampleBody
}

describe('200 POST /platform/datasets/examples/delete', () => {
  test('a hard delete erases the content of every version, and keeps ids and dates', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const first = await makeExample(h, id, {
      inputs: { q: 'personal' },
      outputs: { a: 'personal' },
      metadata: { k: 'personal' },
      split: 'personal',
      source_run_id: randomUUID(),
    })
    const { body: changed } = await h.call('PATCH', `/examples/${first.id}`, {
      inputs: { q: 'still personal' },
    })
    const kept = await makeExample(h, id, { inputs: { q: 'kept' } })
    const stored = async () =>
      h.db`select id, valid_from, created_at from examples where id = ${first.id} order by valid_from`
    const before = await stored()
    const body = { example_ids: [first.id.toUpperCase(), first.id], hard_delete: true }
    expect(await h.call('POST', url, body)).toMatchObject({
      status: 200,
      body: { count: 1, example_ids: [first.id] },
    })
    expect(await stored()).toEqual(before)
    const [content] = await h.db`
      select string_agg(to_jsonb(examples)::text, '') as text from examples where id = ${first.id}`
    expect(content!.text).not.toContain('personal')
    for (const asOf of ['latest', first.modified_at, changed.modified_at]) {
      expect((await h.call('GET', `/examples/${first.id}?as_of=${asOf}`)).status).toBe(404)
      const listed = await h.call('GET', `/examples?dataset=${id}&as_of=${asOf}`)
      expect((listed.body as ExampleBody[]).map((one) => one.id)).not.toContain(first.id)
    }
    expect((await h.call('GET', `/examples/${kept.id}`)).body.inputs).toEqual({ q: 'kept' })
    expect((await h.call('GET', `/datasets/${id}`)).body.example_count).toBe(1)
    // The deletion itself is a version.
    expect((await h.call('GET', `/datasets/${id}/versions`)).body).toHaveLength(4)
    expect((await h.call('POST', url, body)).body).toEqual({ count: 1, example_ids: [first.id] })
    expect((await h.call('GET', `/datasets/${id}/versions`)).body).toHaveLength(4)
  })

  test('an example that was already deleted is erased too, and its id can be used again', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const example = await makeExample(h, id, { inputs: { q: 'personal' } })
    await h.call('DELETE', `/examples/${example.id}`)
    const at = `/examples/${example.id}?as_of=${example.modified_at}`
    expect((await h.call('GET', at)).status).toBe(200)
    const body = { example_ids: [example.id], hard_delete: true }
    expect((await h.call('POST', url, body)).body.count).toBe(1)
    expect((await h.call('GET', at)).status).toBe(404)
    await makeExample(h, id, { id: example.id, inputs: { q: 'new' } })
    expect((await h.call('GET', `/examples/${example.id}`)).body.inputs).toEqual({ q: 'new' })
  })

  test('without hard_delete older versions keep their content', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const example = await makeExample(h, id, { inputs: { q: 1 } })
    const body = { example_ids: [example.id, randomUUID()], hard_delete: false }
    expect((await h.call('POST', `/api${url}`, body)).body).toEqual({
      count: 1,
      example_ids: [example.id],
    })
    const at = `/examples/${example.id}?as_of=${example.modified_at}`
    expect((await h.call('GET', at)).body.inputs).toEqual({ q: 1 })
  })

  test('results of experiments still refer to their examples', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const example = await makeExample(h, id, { inputs: { q: 'personal' } })
    const session = { name: 's', reference_dataset_id: id, id: randomUUID() }
    await h.call('POST', '/sessions', session)
    const runId = randomUUID()
    await h.call('POST', '/runs', {
      id: runId,
      trace_id: runId,
      name: 'r',
      run_type: 'chain',
      start_time: '2026-01-01T00:00:00Z',
      session_id: session.id,
      reference_example_id: example.id,
    })
    await h.drain()
    await h.call('POST', url, { example_ids: [example.id], hard_delete: true })
    const compared = await h.call('POST', `/datasets/${id}/runs`, { session_ids: [session.id] })
    expect(compared).toMatchObject({
      status: 200,
      body: [{ id: example.id, inputs: {}, outputs: null, runs: [{ id: runId }] }],
    })
  })
})

describe('404 POST /platform/datasets/examples/delete', () => {
  test("an unknown example, or another tenant's, leaves all others unchanged", async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const example = await makeExample(h, id, { inputs: { q: 1 } })
    const stranger = await h.addTenant()
    const own = await h.callAs(stranger, 'POST', '/datasets', { name: 'theirs' })
    const theirs = await h.callAs(stranger, 'POST', '/examples', {
      dataset_id: own.body.id,
      inputs: { q: 2 },
    })
    for (const [as, ids] of [
      [h.tenant, [example.id, randomUUID()]],
      [h.tenant, [example.id, theirs.body.id]],
      [stranger, [example.id]],
    ] as const) {
      const answer = await h.callAs(as, 'POST', url, { example_ids: ids, hard_delete: true })
      expect(answer).toMatchObject({ status: 404, body: { error: 'Example not found' } })
    }
    const soft = { example_ids: [example.id], hard_delete: false }
    expect((await h.callAs(stranger, 'POST', url, soft)).body).toEqual({
      count: 0,
      example_ids: [],
    })
    expect((await h.call('GET', `/examples/${example.id}`)).body.inputs).toEqual({ q: 1 })
  })
})

describe('422 POST /platform/datasets/examples/delete', () => {
  test('every kind of wrong input is refused in the shape `{error}` and deletes nothing', async () => {
    const h = await harness()
    const { id } = await makeExample(h, await makeDataset(h))
    for (const body of [
      undefined,
      [],
      {},
      { example_ids: [] },
      { example_ids: id, hard_delete: true },
      { example_ids: ['nope'], hard_delete: true },
      { example_ids: [id], hard_delete: 'yes' },
      { example_ids: Array.from({ length: 1001 }, () => id), hard_delete: true },
    ]) {
      const answer = await h.call('POST', url, body)
      expect([answer.status, body]).toEqual([422, body])
      expect(answer.body).toHaveProperty('error')
    }
    expect((await h.call('GET', `/examples/${id}`)).status).toBe(200)
    expect(h.errors).toEqual([])
  })
})
