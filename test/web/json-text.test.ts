import { expect, test } from 'vitest'
import type { Json } from '../../web/api/answers.ts'
import { jsonText } from '../../web/parts/json-text.ts'
import { preview } from '../../web/parts/preview.ts'

test('what is nested too deep to be written as JSON is cut, and says so', () => {
  let value: Json = 'bottom'
  for (let depth = 0; depth < 200_000; depth++) value = [value]
  expect(() => JSON.stringify(value, null, 2)).toThrow(RangeError)
  expect(jsonText({ a: 1, value }, 2)).toMatch(/"a": 1,[^]*… nested deeper/)
  expect(preview(value)).toMatch(/^\[{200}"… nested deeper"\]+…$/)
  expect(jsonText({ a: ['x'] })).toBe('{"a":["x"]}')
})
