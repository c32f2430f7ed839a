import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDecimals, parseDecimal } from '../../../../src/domain/decimal.ts'
import { findUsage } from '../../../../src/domain/usage-metadata.ts'
import { harness } from '../../../support/harness.ts'

const none = {
  promptTokens: null,
  completionTokens: null,
  totalTokens: null,
  promptCost: null,
  completionCost: null,
  totalCost: null,
  usageDetails: null,
}

describe('decimals', () => {
  test('numbers in every notation are read exactly', () => {
    const cases: [string, string | null][] = [
      ['1e-6', '0.000001'],
      ['0.1', '0.1'],
      ['-1.50', '-1.50'],
      ['12E3', '12000'],
      ['1.234567890123456789', '1.234567890123456789'],
      ['1e999', null],
      ['1e-999', null],
      ['1e30', null],
      ['x', null],
      ['', null],
      ['1'.repeat(31), null],
    ]
    for (const [text, value] of cases) expect([text, parseDecimal(text)]).toEqual([text, value])
  })

  test('sums are exact', () => {
    expect(addDecimals('0.1', '0.2')).toBe('0.3')
    expect(addDecimals('0.000001', '-0.00000100')).toBe('0.00000000')
    const amount = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(9))
    const write = ([digits, scale]: [bigint, number]) => parseDecimal(`${digits}e-${scale}`)!
    const scaled = ([digits, scale]: [bigint, number]) => digits * 10n ** BigInt(9 - scale)
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const sum = addDecimals(write(a), write(b))
        const [whole = '', fraction = ''] = sum.split('.')
        expect(BigInt(whole + fraction.padEnd(9, '0'))).toBe(scaled(a) + scaled(b))
      }),
    )
  })
})

describe('of several sources, the first that counts anything is taken', () => {
  const counted = { ...none, promptTokens: 3, completionTokens: 4, totalTokens: 7 }
  const cases: [string, object | null, object | null, object | null][] = [
    [
      'outputs.usage_metadata',
      { usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7 } },
      { usage_metadata: { input_tokens: 9 } },
      counted,
    ],
    [
      'a total that is not given is the sum',
      { usage_metadata: { input_tokens: 3, output_tokens: 4 } },
      null,
      counted,
    ],
    [
      'extra.metadata.usage_metadata',
      { answer: 'x' },
      { usage_metadata: { input_tokens: 3, output_tokens: 4 } },
      counted,
    ],
    [
      'an empty usage_metadata is passed over',
      { usage_metadata: {}, usage: { prompt_tokens: 3, completion_tokens: 4 } },
      null,
      counted,
    ],
    [
      'the sum over LangChain generations',
      {
        generations: [
          [
            {
              message: {
                kwargs: { usage_metadata: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } },
              },
            },
            { message: { kwargs: { usage_metadata: { input_tokens: 2, output_tokens: 3 } } } },
            { text: 'no usage' },
          ],
        ],
      },
      null,
      counted,
    ],
    [
      'llm_output.token_usage',
      {
        generations: [],
        llm_output: { token_usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } },
      },
      null,
      counted,
    ],
    [
      'llmOutput.tokenUsage',
      { llmOutput: { tokenUsage: { promptTokens: 3, completionTokens: 4, totalTokens: 7 } } },
      null,
      counted,
    ],
    ['usage of one provider', { usage: { prompt_tokens: 3, completion_tokens: 4 } }, null, counted],
    ['usage of another provider', { usage: { input_tokens: 3, output_tokens: 4 } }, null, counted],
    ['nothing', { answer: 'usage' }, { usage: 5 }, null],
    ['no outputs', null, null, null],
    [
      'values of wrong types',
      {
        usage_metadata: {
          input_tokens: '3',
          output_tokens: -4,
          total_tokens: null,
          input_cost: {},
          input_token_details: 5,
        },
      },
      null,
      null,
    ],
    [
      'a usage that is no object',
      { usage_metadata: 'many', usage: [1], generations: 'x', llm_output: 5 },
      null,
      null,
    ],
    ['more tokens than there can be', { usage: { prompt_tokens: 1e300 } }, null, null],
  ]
  test.each(cases)('%s', (_, outputs, metadata, usage) => {
    const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
    expect(findUsage(text(outputs), text(metadata))).toEqual(usage)
  })
})

describe('over the wire', () => {
  test('tokens, costs and their details come back as exact decimals', async () => {
    const h = await harness()
    const id = randomUUID()
    const usage = `{"input_tokens":20,"output_tokens":5,"total_tokens":25,
      "input_token_details":{"cache_read":5,"audio":1},"output_token_details":{"reasoning":2},
      "input_cost":0.000001,"output_cost":2e-6,"total_cost":0.000003,
      "input_cost_details":{"cache_read":1e-7},"output_cost_details":{"reasoning":0.12345678901234567890}}`
    await h.call(
      'POST',
      '/runs',
      `{"id":"${id}","name":"x","run_type":"llm","outputs":{"usage_metadata":${usage}}}`,
    )
    expect((await h.call('GET', `/runs/${id}`)).body).toMatchObject({
      prompt_tokens: 20,
      completion_tokens: 5,
      total_tokens: 25,
      prompt_cost: '0.000001',
      completion_cost: '0.000002',
      total_cost: '0.000003',
      prompt_token_details: { cache_read: 5, audio: 1 },
      completion_token_details: { reasoning: 2 },
      prompt_cost_details: { cache_read: '0.0000001' },
      completion_cost_details: { reasoning: '0.12345678901234567890' },
    })
  })

  test('a root shows the sum of its llm runs once, although its outputs repeat the usage of a child', async () => {
    const h = await harness()
    const root = randomUUID()
    const start = '2026-01-21T14:35:42.000000Z'
    const rootOrder = `20260121T143542000000Z${root}`
    const children = [randomUUID(), randomUUID()].map((id) => ({
      id,
      name: 'llm',
      run_type: 'llm',
      start_time: start,
      trace_id: root,
      parent_run_id: root,
      dotted_order: `${rootOrder}.20260121T143542000000Z${id}`,
      outputs: {
        usage_metadata: { input_tokens: 3, output_tokens: 4, input_cost: 0.1, output_cost: 0.2 },
      },
    }))
    const repeated = {
      id: root,
      name: 'root',
      run_type: 'chain',
      start_time: start,
      outputs: children[0]!.outputs,
    }
    await h.call('POST', '/runs/batch', { post: [...children, repeated] })
    await h.drain()
    expect((await h.call('GET', `/runs/${root}`)).body).toMatchObject({
      prompt_tokens: 6,
      completion_tokens: 8,
      total_tokens: 14,
      prompt_cost: '0.2',
      completion_cost: '0.4',
      total_cost: '0.6',
    })
    expect((await h.call('GET', `/runs/${children[0]!.id}`)).body).toMatchObject({
      total_tokens: 7,
      total_cost: '0.3',
    })
  })
})
