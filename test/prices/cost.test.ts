import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { findBuiltIn } from '../../src/prices/built-in.ts'
import { costOf, type Usage } from '../../src/prices/cost.ts'
import { createPriceBook, type Call } from '../../src/prices/price-book.ts'
import { compilePattern, PatternError } from '../../src/prices/pattern.ts'
import { priceOf } from '../support/model-prices.ts'

const start = '2026-01-21T10:00:00.000000Z'

/**
 * Ten models, each with the sum by hand: counts times prices for a million tokens, in millionths of a dollar. Then the
 * usage as the package counts it, where an input includes its parts.
 */
const fixture: [
  model: string,
  provider: string | null,
  usage: Usage,
  millionths: number,
  theirs: Record<string, number>,
][] = [
  [
    'gpt-4o',
    'openai',
    { input: 1000, input_cached_tokens: 200, output: 100, total: 1300 },
    1000 * 2.5 + 200 * 1.25 + 100 * 10,
    { input_tokens: 1200, cache_read_tokens: 200, output_tokens: 100 },
  ],
  [
    'gpt-4o-mini-2024-07-18',
    null,
    { input: 7, output: 3, output_reasoning: 2 },
    7 * 0.15 + 5 * 0.6,
    { input_tokens: 7, output_tokens: 5 },
  ],
  [
    'claude-sonnet-4-20250514',
    'anthropic',
    { input: 5, cache_read_input_tokens: 1000, cache_creation_input_tokens: 400, output: 255 },
    5 * 3 + 1000 * 0.3 + 400 * 3.75 + 255 * 15,
    { input_tokens: 1405, cache_read_tokens: 1000, cache_write_tokens: 400, output_tokens: 255 },
  ],
  [
    'claude-3-5-haiku-latest',
    null,
    { input: 10, input_ephemeral_1h_input_tokens: 20, output: 1 },
    10 * 0.8 + 20 * 1.6 + 4,
    { input_tokens: 30, cache_write_tokens: 20, cache_write_1h_tokens: 20, output_tokens: 1 },
  ],
  [
    'gemini-2.5-pro',
    'google_vertexai',
    { input: 200_000, output: 10 },
    200_000 * 1.25 + 10 * 10,
    { input_tokens: 200_000, output_tokens: 10 },
  ],
  // Beyond 200,000 tokens of input, cached ones included, another price counts for all of them.
  [
    'gemini-2.5-pro',
    null,
    { input: 150_000, input_cache_read: 50_001, output: 10 },
    150_000 * 2.5 + 50_001 * 0.25 + 10 * 15,
    { input_tokens: 200_001, cache_read_tokens: 50_001, output_tokens: 10 },
  ],
  ['text-embedding-3-small', 'openai', { total: 500 }, 500 * 0.02, { input_tokens: 500 }],
  [
    'mistral/mistral-large-latest',
    null,
    { input: 3, output: 4 },
    3 * 2 + 4 * 6,
    { input_tokens: 3, output_tokens: 4 },
  ],
  [
    'llama-3.3-70b-versatile',
    'groq',
    { input: 11, output: 13 },
    11 * 0.59 + 13 * 0.79,
    { input_tokens: 11, output_tokens: 13 },
  ],
  [
    'anthropic.claude-3-5-sonnet-20240620-v1:0',
    'amazon_bedrock',
    { input: 1, output: 1 },
    18,
    { input_tokens: 1, output_tokens: 1 },
  ],
]

describe('a shipped price', () => {
  test.each(fixture)(
    '%s of %s: %j costs what it does by hand',
    (model, provider, usage, wanted, theirs) => {
      const found = findBuiltIn(model, provider, start, usage)!
      const cost = costOf(usage, found.rate)!
      // Millionths with at most four decimals: exact in whole numbers.
      const exact = BigInt(Math.round(wanted * 1e4))
      const [whole, fraction = ''] = cost.total.split('.')
      expect(BigInt(whole! + fraction.padEnd(10, '0'))).toBe(exact)
      const name = model.split('/').at(-1)!
      const options = provider === null ? {} : { providerId: provider }
      expect(Number(cost.total)).toBeCloseTo(calcPrice(theirs, name, options)!.total_price, 9)
    },
  )

  test('is the one of the time at which the run began', () => {
    const usage = { input: 1_000_000 }
    const at = (time: string) =>
      costOf(usage, findBuiltIn('o3', 'openai', time, usage)!.rate)!.total
    expect([at('2025-06-09T00:00:00.000000Z'), at('2025-06-10T00:00:00.000000Z')]).toEqual([
      '10',
      '2',
    ])
  })

  test('is found for no unknown model, and for none whose name is too long', () => {
    for (const name of ['nobody-knows-this', `gpt-4o${'x'.repeat(200)}`]) {
      expect(findBuiltIn(name, 'openai', start, {})).toBeNull()
    }
  })
})

describe('a price of a tenant', () => {
  const call = (more: Partial<Call> = {}): Call => ({
    model: 'gpt-4o',
    invocation: {},
    provider: null,
    start,
    usage: { input: 1 },
    attributes: new Map(),
    ...more,
  })
  const idFor = (prices: Parameters<typeof priceOf>[0][], more: Partial<Call> = {}) => {
    const found = createPriceBook(prices.map((price) => priceOf(price))).find(call(more))
    return found === 'late' ? found : found?.id
  }

  test('comes before a shipped one; then the latest start counts, the provider, and the latest made', () => {
    const old = { id: 'old', matchPattern: 'gpt', createdAt: '2026-01-09T00:00:00.000000Z' }
    const made = { id: 'made', matchPattern: 'gpt', createdAt: '2026-01-10T00:00:00.000000Z' }
    const started = { ...old, id: 'started', startTime: '2026-01-20T00:00:00.000000Z' }
    const future = { ...old, id: 'future', startTime: '2026-02-01T00:00:00.000000Z' }
    const sold = { ...old, id: 'sold', provider: 'Azure' }
    expect(idFor([old])).toBe('old')
    expect(idFor([old, made, future])).toBe('made')
    expect(idFor([made, sold], { provider: 'azure' })).toBe('sold')
    expect(idFor([made, sold], { provider: 'openai' })).toBe('made')
    expect(idFor([made, sold, started, future], { provider: 'azure' })).toBe('started')
    expect(idFor([future, { ...old, matchPattern: '^4o' }])).toBe(
      findBuiltIn('gpt-4o', null, start, {})!.id,
    )
  })

  test('leaves parts without a price at nothing, or at the price of their whole, as its dialect does', () => {
    const usage = { input: 10, input_cached: 5, output: 1, other: 7, total: 23 }
    const total = (partsFallBack: boolean) => {
      const found = createPriceBook([priceOf({ partsFallBack })]).find(call({ usage }))
      return found === 'late' ? found : costOf(usage, found!.rate)!.total
    }
    expect([total(false), total(true)]).toEqual(['0.000012', '0.000017'])
  })

  test('of the total alone gives a total and no sides', () => {
    const usage = { input: 10, total: 23 }
    const found = createPriceBook([priceOf({ prices: { total: '0.1' } })]).find(call({ usage }))
    expect(found === 'late' ? found : costOf(usage, found!.rate)).toEqual({
      prompt: null,
      completion: null,
      total: '2.3',
      details: '{"total":2.3}',
    })
  })
})

describe('a pattern of a client', () => {
  test('takes linear time: one that is endless for the engine’s own expressions is done', () => {
    for (const pattern of ['^(a+)+$', '(x+x+)+y', '^(a|a)*$', '(.*)*!']) {
      expect(compilePattern(pattern).isIn(`${'ax'.repeat(100)}?`)).toBe(false)
    }
    expect(compilePattern('(?i)^(GPT-4o)$').isIn('gpt-4O')).toBe(true)
  })

  test.each([
    '',
    'a'.repeat(501),
    '(a{100}){100}',
    '(?:.{900}){1}.{900}',
    '(?=a)',
    String.raw`(a)\1`,
    '[',
  ])('%j is refused', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(PatternError)
  })
})
