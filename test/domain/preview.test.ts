import fc from 'fast-check'
import { expect, test } from 'vitest'
import { previewOf } from '../../src/domain/json.ts'

/** What a preview is: the plain text of a whole parse. `previewOf` parses only where it has to. */
function previewByParse(text: string): string | null {
  const value: unknown = JSON.parse(text)
  if (value === null) return null
  const members = typeof value === 'object' ? Object.values(value) : []
  const only = members.length === 1 ? members[0] : value
  const plain = typeof only === 'string' ? only : JSON.stringify(value)
  return plain.slice(0, 500).toWellFormed().replaceAll('\0', '\ufffd')
}

const long = fc.string({ unit: 'binary', minLength: 480, maxLength: 700 })
const payload = fc
  .tuple(fc.json({ maxDepth: 3 }), fc.oneof(long, fc.string({ maxLength: 20 })))
  .chain(([json, text]) => {
    const string = JSON.stringify(text)
    return fc.constantFrom(
      json,
      string,
      `{"a":${string}}`,
      `[${string}]`,
      `[${string} ]`,
      `{"a":${string},"b":${json}}`,
      `{"b":${json},"a":${string}}`,
      `{"a":${string} , "b":${json}}`,
      `{"b":1,"1":2,"a":${string}}`,
      `[${json},${string}]`,
      `[${json}, ${string}]`,
      `[1.0,${string}]`,
      `[-0,1e3,12345678901234567890,${string}]`,
      `["\\u0041\\/",${string}]`,
    )
  })

test('the preview of any payload is that of a parse, whether or not it is parsed', () => {
  fc.assert(
    fc.property(payload, (text) => {
      expect(previewOf(text)).toBe(previewByParse(text))
    }),
    { numRuns: 2000 },
  )
})
