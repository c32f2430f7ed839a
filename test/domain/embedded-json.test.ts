import { expect, test } from 'vitest'
import { jsonOfString } from '../../src/domain/embedded-json.ts'

test.each([
  ['{"a": 1.0}', '{"a": 1.0}'],
  [' [1] ', '[1]'],
  ['0', '0'],
  ['true', 'true'],
  ['"quoted"', '"quoted"'],
  ['12345678901234567890', '"12345678901234567890"'],
  ['1e3', '1e3'],
  ['truely', '"truely"'],
  ['{"a":', '"{\\"a\\":"'],
  ['prose', '"prose"'],
  ['', '""'],
  ['a\u0000b', '"a\\u0000b"'],
  ['['.repeat(600) + ']'.repeat(600), JSON.stringify('['.repeat(600) + ']'.repeat(600))],
])('the string %j is the JSON %s', (plain, json) => {
  expect(jsonOfString(plain)).toBe(json)
})
