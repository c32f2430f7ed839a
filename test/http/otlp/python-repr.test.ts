import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPythonRepr } from '../../../src/http/otlp/python-repr.ts'

test.each<[string, unknown]>([
  ["{'a': 1, 'b': -2.5e3, 'c': None, 'd': True}", { a: 1, b: -2500, c: null, d: true }],
  ["[1, 'two', (3,), {4}]", [1, 'two', [3], [4]]],
  ['Usage(total=3, details=Details(cached=1))', { total: 3, details: { cached: 1 } }],
  ["a.b.C('positional', x=1)", { x: 1 }],
  ["[<Role.USER: 'user'>, <object at 0x7f>, datetime.UTC, nan]", [null, null, null, null]],
  [
    String.raw`{"it's": 'x=\'1\'', 'b': b'\x00'}`,
    { "it's": String.raw`x=\'1\'`, b: String.raw`\x00` },
  ],
  ["{'__proto__': 1}", JSON.parse('{"__proto__": 1}')],
  ['{}', {}],
])('%s', (text, value) => {
  expect(readPythonRepr(text)).toEqual(value)
})

test.each([
  ['plain text', 'hello'],
  ['a single value', '3'],
  ['what is cut off', "{'a': [1, 2"],
  ['an open string', "{'a': 'b"],
  ['what goes on after its end', "{'a': 1} and more"],
  ['a key that is an object', '{A(toString=1): 2}'],
  ['values without a comma', '[1 2]'],
  ['what is nested too deep', '['.repeat(200) + ']'.repeat(200)],
])('is not read: %s', (_, text) => {
  expect(readPythonRepr(text)).toBeUndefined()
})

test('no text breaks it', () => {
  const part = fc.constantFrom(
    '{',
    '}',
    '[',
    '(',
    ')',
    '<',
    '>',
    "'",
    ',',
    ':',
    '=',
    '\\',
    ' ',
    'a',
    '1',
    '-',
    '.',
  )
  fc.assert(
    fc.property(fc.string({ unit: part, maxLength: 40 }), (text) => {
      readPythonRepr(`{${text}`)
    }),
  )
})
