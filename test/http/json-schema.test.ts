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

test('a stored schema that cannot be used is broken by every value', () => {
  expect(violationsOf(JSON.stringify({ pattern: '^(?!a)' }), '1')).toHaveLength(1)
  const endless = { $ref: '#/definitions/a', definitions: { a: { items: { $ref: '#' } } } }
  expect(violationsOf(JSON.stringify(endless), '[[[]]]')).toEqual([])
})
