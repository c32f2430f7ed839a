import { describe, expect, test } from 'vitest'
import { harness } from '../../../support/harness.ts'

const flat = {
  modelName: 'mine',
  matchPattern: '(?i)^(my-model)$',
  unit: 'TOKENS',
  inputPrice: 0.5,
}

const tier = (more: object = {}) => ({
  name: 'Standard',
  isDefault: true,
  priority: 0,
  conditions: [],
  prices: { input: 1 },
  ...more,
})

describe('200', () => {
  test('a model is made, read, listed before shipped ones of its name, and deleted', async () => {
    const h = await harness()
    const made = await h.call('POST', '/api/public/models', {
      ...flat,
      modelName: 'gpt-4o',
      startDate: '2026-01-01T00:00:00Z',
      outputPrice: 0.0000025,
      tokenizerConfig: { a: 1 },
    })
    expect(made).toMatchObject({ status: 200 })
    expect(made.body).toEqual({
      id: expect.any(String),
      modelName: 'gpt-4o',
      matchPattern: '(?i)^(my-model)$',
      startDate: '2026-01-01T00:00:00.000Z',
      inputPrice: 0.5,
      outputPrice: 0.0000025,
      totalPrice: null,
      unit: 'TOKENS',
      tokenizerId: null,
      tokenizerConfig: { a: 1 },
      isLangfuseManaged: false,
      createdAt: expect.any(String),
      prices: { input: { price: 0.5 }, output: { price: 0.0000025 } },
      pricingTiers: [
        {
          id: expect.any(String),
          name: 'Standard',
          isDefault: true,
          priority: 0,
          conditions: [],
          prices: { input: 0.5, output: 0.0000025 },
        },
      ],
    })
    const path = `/api/public/models/${made.body.id}`
    expect((await h.call('GET', path)).body).toEqual(made.body)
    const { totalItems, totalPages } = (await h.call('GET', '/api/public/models')).body.meta
    expect(totalItems).toBeGreaterThan(500)
    const pages = await Promise.all(
      Array.from({ length: Math.ceil(totalItems / 100) }, async (_, i) =>
        h.call('GET', `/api/public/models?limit=100&page=${i + 1}`),
      ),
    )
    expect(totalPages).toBeGreaterThan(pages.length)
    const all = pages.flatMap(({ body }) => body.data)
    expect(all).toHaveLength(totalItems)
    expect(new Set(all.map(({ id }: { id: string }) => id)).size).toBe(totalItems)
    const named = all.filter(({ modelName }: { modelName: string }) => modelName === 'gpt-4o')
    expect(named[0].id).toBe(made.body.id)
    expect(named[1]).toMatchObject({ isLangfuseManaged: true, unit: 'TOKENS' })
    expect((await h.call('GET', `/api/public/models/${named[1].id}`)).body).toEqual(named[1])

    expect(await h.call('DELETE', path)).toMatchObject({
      status: 200,
      body: { message: 'Model successfully deleted' },
    })
    expect((await h.call('GET', path)).status).toBe(404)
  })

  test('a generation is shown with its price and cost, of the tier that its usage is in', async () => {
    const h = await harness()
    const { body: model } = await h.call('POST', '/api/public/models', {
      modelName: 'mine',
      matchPattern: '^my-',
      unit: 'TOKENS',
      pricingTiers: [
        tier({ prices: { input: 0.001, input_cached: 0.0001, output: 0.002 } }),
        tier({
          name: 'Large',
          isDefault: false,
          priority: 1,
          conditions: [{ usageDetailPattern: '^INPUT', operator: 'gt', value: 100 }],
          prices: { input: 0.003, input_cached: 0.0003, output: 0.004 },
        }),
        tier({
          name: 'Fast',
          isDefault: false,
          priority: 2,
          conditions: [
            { source: 'model_parameters', key: 'service_tier', operator: 'in', values: ['fast'] },
          ],
          prices: { input: 1, input_cached: 1, output: 1 },
        }),
      ],
    })
    const generation = (id: string, more: object) => ({
      id: `event ${id}`,
      type: 'generation-create',
      timestamp: '2026-01-21T10:00:00Z',
      body: { id, traceId: 't', model: 'my-model', startTime: '2026-01-21T10:00:00Z', ...more },
    })
    await h.call('POST', '/api/public/ingestion', {
      batch: [
        generation('small', { usageDetails: { input: 10, input_cached: 20, output: 5, other: 9 } }),
        generation('large', { usageDetails: { input: 81, input_cached: 20, output: 5 } }),
        generation('fast', {
          usageDetails: { input: 1, output: 1 },
          modelParameters: { service_tier: 'fast' },
        }),
        generation('sent', { usageDetails: { input: 1, output: 1 }, costDetails: { input: 7 } }),
      ],
    })
    await h.drain()
    const read = async (id: string) => (await h.call('GET', `/api/public/observations/${id}`)).body
    expect(await read('small')).toMatchObject({
      modelId: model.id,
      inputPrice: 0.001,
      outputPrice: 0.002,
      totalPrice: null,
      usagePricingTierName: 'Standard',
      usagePricingTierId: model.pricingTiers[0].id,
      calculatedInputCost: 0.012,
      calculatedOutputCost: 0.01,
      calculatedTotalCost: 0.022,
      costDetails: { input: 0.01, input_cached: 0.002, output: 0.01, total: 0.022 },
    })
    expect(await read('large')).toMatchObject({
      usagePricingTierName: 'Large',
      calculatedTotalCost: 0.269,
    })
    expect(await read('fast')).toMatchObject({
      usagePricingTierName: 'Fast',
      calculatedTotalCost: 2,
    })
    expect(await read('sent')).toMatchObject({
      modelId: null,
      calculatedTotalCost: 7,
      costDetails: { input: 7, total: 7 },
    })
    const listed = await h.call('GET', '/api/public/v2/observations?traceId=t&fields=model,usage')
    const small = listed.body.data.find(({ id }: { id: string }) => id === 'small')
    expect(small).toMatchObject({
      modelId: model.id,
      internalModelId: model.id,
      inputPrice: '0.001',
      totalCost: 0.022,
      usagePricingTierName: 'Standard',
    })
    expect((await h.call('GET', '/api/public/traces/t')).body.totalCost).toBe(9.291)
  })
})

describe('400', () => {
  test.each([
    ['neither way to give prices', { inputPrice: null }, 'OR pricingTiers'],
    ['both', { pricingTiers: [tier()] }, 'not both'],
    ['a total beside others', { totalPrice: 1 }, 'total price must be null'],
    ['an unknown unit', { unit: 'MILES' }, 'option'],
    [
      'no default tier',
      { inputPrice: null, pricingTiers: [tier({ isDefault: false })] },
      'Exactly one',
    ],
    ['a negative price', { inputPrice: -1 }, '>=0'],
    ['an endless pattern', { matchPattern: '((a{100}){100}){100}' }, 'repeat'],
    ['a pattern that repeats too much', { matchPattern: '\\w{999}\\d{999}' }, 'repeats too much'],
    ['a long pattern', { matchPattern: 'a'.repeat(501) }, '500 characters'],
    ['look-around', { matchPattern: '(?=x)' }, 'not a valid regular expression'],
    ['an open group', { matchPattern: '(x' }, 'not a valid regular expression'],
  ])('%s', async (_, more, message) => {
    const h = await harness()
    const answer = await h.call('POST', '/api/public/models', { ...flat, ...more })
    expect(answer.status).toBe(400)
    expect(answer.body.message).toBe('Invalid request data')
    expect(JSON.stringify(answer.body.error)).toContain(message)
  })

  test('a name that is taken', async () => {
    const h = await harness()
    await h.call('POST', '/api/public/models', flat)
    expect(await h.call('POST', '/api/public/models', flat)).toMatchObject({
      status: 400,
      body: {
        message: "Model name 'mine' already exists in project",
        error: 'InvalidRequestError',
      },
    })
  })
})

describe('404', () => {
  test.each(['x', '00000000-0000-4000-8000-000000000000'])('model %s', async (id) => {
    const h = await harness()
    for (const method of ['GET', 'DELETE'] as const) {
      expect(await h.call(method, `/api/public/models/${id}`)).toMatchObject({
        status: 404,
        body: { error: 'LangfuseNotFoundError' },
      })
    }
  })
})
