import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const price = {
  name: 'mine',
  match_pattern: '^my-model',
  prompt_cost: 0.001,
  completion_cost: '2e-3',
  prompt_cost_details: { cache_read: '0.0001' },
  completion_cost_details: { reasoning: 0.01 },
  provider: 'me',
  start_time: '2026-01-01T00:00:00Z',
}

async function runOf(h: Harness, extra: object, outputs: object): Promise<Record<string, unknown>> {
  const id = randomUUID()
  await h.call('POST', '/runs', {
    id,
    name: 'llm',
    run_type: 'llm',
    start_time: '2026-01-21T10:00:00Z',
    end_time: '2026-01-21T10:00:01Z',
    session_name: 'p',
    extra,
    outputs,
  })
  await h.drain()
  return (await h.call('GET', `/runs/${id}`)).body
}

const usage = {
  usage_metadata: {
    input_tokens: 100,
    output_tokens: 10,
    total_tokens: 110,
    input_token_details: { cache_read: 40 },
    output_token_details: { reasoning: 4 },
  },
}

describe('200', () => {
  test('a price is made, listed before the shipped ones are, replaced and deleted', async () => {
    const h = await harness()
    const made = await h.call('POST', '/model-price-map', price)
    expect(made.body).toEqual({
      id: expect.any(String),
      name: 'mine',
      start_time: '2026-01-01T00:00:00.000000Z',
      tenant_id: h.tenant.id,
      match_path: ['model', 'model_name', 'model_id', 'model_path', 'endpoint_name'],
      match_pattern: '^my-model',
      prompt_cost: '0.001',
      completion_cost: '0.002',
      prompt_cost_details: { cache_read: '0.0001' },
      completion_cost_details: { reasoning: '0.01' },
      provider: 'me',
    })
    const all = (await h.call('GET', '/model-price-map')).body
    expect(all).toContainEqual(made.body)
    expect(
      all.filter((each: { tenant_id: unknown }) => each.tenant_id === null).length,
    ).toBeGreaterThan(500)
    expect((await h.call('GET', '/model-price-map?q=MINE&limit=1')).body).toEqual([made.body])
    const path = `/model-price-map/${made.body.id}`
    const replaced = await h.call('PUT', path, { ...price, prompt_cost: 3, provider: null })
    expect(replaced.body).toEqual({ ...made.body, prompt_cost: '3', provider: null })
    expect((await h.call('DELETE', path)).status).toBe(200)
    expect((await h.call('GET', '/model-price-map?q=mine')).body).not.toContainEqual(replaced.body)
  })

  test('a run is shown with its costs and their parts, as exact decimals', async () => {
    const h = await harness()
    const { body: mine } = await h.call('POST', '/model-price-map', price)
    const metadata = { ls_model_name: 'my-model-1', ls_provider: 'me' }
    const run = await runOf(h, { metadata }, usage)
    expect(run).toMatchObject({
      price_model_id: mine.id,
      prompt_cost: '0.064',
      completion_cost: '0.052',
      total_cost: '0.116',
      prompt_cost_details: { cache_read: '0.004' },
      completion_cost_details: { reasoning: '0.04' },
    })
    const v2 = `/v2/runs/${String(run['id'])}?project_id=${String(run['session_id'])}&start_time=2026-01-21T10:00:00Z&selects=PRICE_MODEL_ID`
    expect((await h.call('GET', v2)).body).toEqual({ price_model_id: mine.id })
    // Of another provider, and before the price was in force: no price.
    for (const other of [{ ...metadata, ls_provider: 'you' }, { ls_model_name: 'my-model' }]) {
      expect(await runOf(h, { metadata: other }, usage)).toMatchObject({
        total_cost: null,
        price_model_id: null,
      })
    }
  })

  test('a model is found in the parameters of the invocation too', async () => {
    const h = await harness()
    await h.call('POST', '/model-price-map', {
      ...price,
      provider: null,
      match_path: ['deployment'],
    })
    const given = (name: string) => ({ invocation_params: { [name]: 'my-model', n: 1 } })
    expect(await runOf(h, given('deployment'), usage)).toMatchObject({ total_cost: '0.116' })
    expect(await runOf(h, given('model'), usage)).toMatchObject({ total_cost: null })
    const shipped = { invocation_params: { model: 'gpt-4o' } }
    expect(await runOf(h, shipped, usage)).toMatchObject({ total_cost: '0.0003' })
  })

  test('a cost that a client sends stays, even as parts alone', async () => {
    const h = await harness()
    const metadata = { ls_model_name: 'gpt-4o' }
    const { usage_metadata: counts } = usage
    const sent = { usage_metadata: { ...counts, total_cost: 0.000001 } }
    expect(await runOf(h, { metadata }, sent)).toMatchObject({ total_cost: '0.000001' })
    const parts = { usage_metadata: { ...counts, input_cost_details: { cache_read: 1 } } }
    expect(await runOf(h, { metadata }, parts)).toMatchObject({
      total_cost: null,
      prompt_cost_details: { cache_read: '1' },
    })
  })
})

describe('404', () => {
  test.each(['PUT', 'DELETE'] as const)(
    '%s of a price that ships with the server',
    async (method) => {
      const h = await harness()
      const [shipped] = (await h.call('GET', '/model-price-map?q=gpt-4o&limit=1')).body
      const body = method === 'PUT' ? price : undefined
      expect(await h.call(method, `/model-price-map/${shipped.id}`, body)).toMatchObject({
        status: 404,
        body: { detail: 'Model price not found' },
      })
    },
  )
})

describe('409', () => {
  test('a price with the same match conditions', async () => {
    const h = await harness()
    await h.call('POST', '/model-price-map', price)
    expect((await h.call('POST', '/model-price-map', price)).status).toBe(409)
    expect((await h.call('POST', '/model-price-map', { ...price, start_time: null })).status).toBe(
      200,
    )
  })
})

describe('422', () => {
  test.each([
    ['prompt_cost', { prompt_cost: '-1' }],
    ['prompt_cost', { prompt_cost: 'much' }],
    ['completion_cost', { completion_cost: undefined }],
    ['match_pattern', { match_pattern: '(?<!x)y' }],
    ['match_pattern', { match_pattern: '' }],
    ['prompt_cost_details', { prompt_cost_details: { a: -1 } }],
    ['start_time', { start_time: 'soon' }],
  ])('%s: %j', async (field, more) => {
    const h = await harness()
    const answer = await h.call('POST', '/model-price-map', { ...price, ...more })
    expect(answer.status).toBe(422)
    expect(answer.body.detail[0].loc.slice(0, 2)).toEqual(['body', field])
  })
})
