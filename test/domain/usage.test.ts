import { describe, expect, test } from 'vitest'
import { usageMapsOf, usagePatch, type UsageColumns } from '../../src/domain/usage.ts'

const nothing: UsageColumns = {
  promptTokens: null,
  completionTokens: null,
  totalTokens: null,
  usageDetails: null,
  promptCost: null,
  completionCost: null,
  totalCost: null,
  costDetails: null,
}

describe('usagePatch', () => {
  test('what says nothing leaves both groups out', () => {
    expect(usagePatch({})).toEqual({})
    expect(usagePatch({ usage: 'null', usageDetails: '{}', costDetails: '[]' })).toEqual({})
    expect(
      usagePatch({ usageDetails: '{"a":-1,"b":0.5,"c":"x"}', costDetails: '{"a":-1}' }),
    ).toEqual({})
  })

  test('costs are exact, a given total stays, and legacy costs fill what is missing', () => {
    expect(
      usagePatch({
        usage: '{"inputCost":9,"outputCost":1e-6}',
        costDetails: '{"input":0.1,"input_cached":0.2,"total":5}',
      }),
    ).toEqual({
      promptCost: '0.3',
      completionCost: '0.000001',
      totalCost: '5',
      costDetails: '{"input":0.1,"input_cached":0.2,"total":5,"output":0.000001}',
    })
  })

  test("a map that only nearly has OpenAI's shape is taken as it is", () => {
    const patch = usagePatch({ usageDetails: '{"prompt_tokens":3,"completion_tokens":4,"more":1}' })
    expect(patch.usageDetails).toBe(
      '{"usage_details":{"prompt_tokens":3,"completion_tokens":4,"more":1,"total":8}}',
    )
  })

  test.each([
    { prompt_tokens: 3, completion_tokens: 4 },
    { input_tokens: 3, output_tokens: 4, input_tokens_details: 1 },
    { prompt_tokens: 3, total_tokens: 3 },
    { total_tokens: 7 },
  ])("%j lacks a key of OpenAI's shapes, and is kept as it is", (sent) => {
    const patch = usagePatch({ usageDetails: JSON.stringify(sent) })
    expect(usageMapsOf({ ...nothing, ...patch }).usageDetails).toMatchObject(sent)
    expect(usageMapsOf({ ...nothing, ...patch }).usageDetails).not.toHaveProperty('input')
  })

  test('every key with input or output in it counts as such', () => {
    const usageDetails = '{"input":1,"cached_input_tokens":2,"output":4,"cache_read_output":8}'
    const costDetails = '{"cached_input_tokens":0.5,"some_output":0.25}'
    expect(usagePatch({ usageDetails, costDetails })).toMatchObject({
      promptTokens: 3,
      completionTokens: 12,
      promptCost: '0.5',
      completionCost: '0.25',
    })
  })

  test('counts that no run can have are left out', () => {
    expect(usagePatch({ usageDetails: '{"input":1e300,"output":"12345678901234567890"}' })).toEqual(
      {},
    )
  })
})

describe('usageMapsOf', () => {
  test('what Langfuse wrote reads as it was stored', () => {
    const patch = usagePatch({
      usageDetails: '{"input":3,"output":4,"cached":2}',
      costDetails: '{"input":0.1}',
    })
    expect(usageMapsOf({ ...nothing, ...patch })).toEqual({
      usageDetails: { input: 3, output: 4, cached: 2, total: 9 },
      costDetails: { input: 0.1, total: 0.1 },
    })
  })

  test('what LangSmith wrote reads as counts that add up', () => {
    expect(
      usageMapsOf({
        ...nothing,
        promptTokens: 10,
        completionTokens: 6,
        totalTokens: 16,
        usageDetails:
          '{"prompt_token_details":{"cache_read":4},"completion_token_details":{"reasoning":2}}',
        totalCost: '0.25',
      }),
    ).toEqual({
      usageDetails: { input: 6, input_cache_read: 4, output: 4, output_reasoning: 2, total: 16 },
      costDetails: { total: 0.25 },
    })
  })

  test('details that are more than the whole are left out', () => {
    const row = {
      ...nothing,
      promptTokens: 3,
      usageDetails: '{"prompt_token_details":{"a":2,"b":2}}',
    }
    expect(usageMapsOf(row).usageDetails).toEqual({ input: 3 })
  })

  test('a run that says nothing has empty maps', () => {
    expect(usageMapsOf(nothing)).toEqual({ usageDetails: {}, costDetails: {} })
  })
})
