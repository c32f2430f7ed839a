import { describe, expect, test } from 'vitest'
import { compileJsonSchema, JsonSchemaError, violationsOf } from '../../src/http/json-schema.ts'

describe("a client's pattern", () => {
  test('takes time that is linear in the text', () => {
    // The engine's own regular expressions would take longer than the universe has existed.
    const check = compileJsonSchema(JSON.stringify({ pattern: '^(a+)+$' }))
    expect(check(`${'a'.repeat(100_000)}!`)).toHaveLength(1)
    expect(check('a'.repeat(100_000))).toEqual([])
    const names = compileJsonSchema(JSON.stringify({ patternProperties: { '^(a+)+$': false } }))
    expect(names({ [`${'a'.repeat(1000)}!`]: 1 })).toEqual([])
    expect(names({ aaa: 1 })).toHaveLength(1)
  })

  test('means what it means in JavaScript', () => {
    const check = compileJsonSchema(JSON.stringify({ pattern: '^\\d{3}-[\\w\\/.]+(?<end>x)?$' }))
    expect(check('123-a/b.c')).toEqual([])
    expect(check('12-a')).toHaveLength(1)
  })

  test('is refused when it needs backtracking', () => {
    const schema = JSON.stringify({ pattern: '^(?!a)' })
    expect(() => compileJsonSchema(schema)).toThrow(JsonSchemaError)
  })
})

describe('a check that would take ages', () => {
  /** Every definition checks the one before twice: 2^60 checks in 4 kB. */
  function doubling(): object {
    const definitions: Record<string, object> = { d0: { type: 'string' } }
    for (let i = 1; i <= 60; i++) {
      const before = { $ref: `#/definitions/d${i - 1}` }
      definitions[`d${i}`] = { allOf: [before, before] }
    }
    return { definitions, $ref: '#/definitions/d60' }
  }

  test.each([
    ['references to references', doubling(), '"x"'],
    [
      'a comparison of everything with everything',
      { uniqueItems: true },
      JSON.stringify(Array.from({ length: 200_000 }, (_, i) => ({ i }))),
    ],
  ])('is ended, and the schema is then broken by every value: %s', (_, schema, value) => {
    const text = JSON.stringify(schema)
    const problems = [{ path: [], message: 'cannot be checked: it takes too long' }]
    // Compiling it must not take too long.
    compileJsonSchema(text)
    expect(violationsOf(text, value, 200)).toEqual(problems)
    // Refused without another try, which for all examples of a request would add up.
    for (let i = 0; i < 1000; i++) expect(violationsOf(text, '1')).toEqual(problems)
    // Others are checked as before.
    expect(violationsOf('{"type":"string"}', '1')).toHaveLength(1)
  })

  test('is not tried again either when already its schema takes too long', () => {
    const schema = JSON.stringify({
      properties: Object.fromEntries(
        Array.from({ length: 20_000 }, (_, i) => [i, { type: 'string' }]),
      ),
    })
    const problems = [{ path: [], message: 'cannot be checked: it takes too long' }]
    expect(violationsOf(schema, '{}', 1)).toEqual(problems)
    expect(violationsOf(schema, '{}')).toEqual(problems)
  })

  test('and millions of problems are told by the first thousand', () => {
    const value = JSON.stringify(Array<number>(5000).fill(1))
    expect(violationsOf('{"items":{"type":"string"}}', value)).toHaveLength(1000)
  })
})

test('a stored schema that cannot be used is broken by every value', () => {
  expect(violationsOf(JSON.stringify({ pattern: '^(?!a)' }), '1')).toHaveLength(1)
  const endless = { $ref: '#/definitions/a', definitions: { a: { items: { $ref: '#' } } } }
  expect(violationsOf(JSON.stringify(endless), '[[[]]]')).toEqual([])
})
