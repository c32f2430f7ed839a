import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RawJson, stringifyWithRaw } from '../../src/domain/raw-json.ts'

/** A value with texts to be passed on, and the same value with what they say in their places. */
type Pair = [passedOn: unknown, said: unknown]

const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 4 },
    fc.json().map((text): Pair => [new RawJson(text), JSON.parse(text)]),
    fc.jsonValue().map((value): Pair => [value, value]),
    fc.array(tie('pair')).map((all): Pair => [all.map(([one]) => one), all.map(([, one]) => one)]),
    fc
      .array(fc.tuple(fc.string(), tie('pair')))
      .map(
        (members): Pair => [
          Object.fromEntries(members.map(([key, [one]]) => [key, one])),
          Object.fromEntries(members.map(([key, [, one]]) => [key, one])),
        ],
      ),
  ),
}))

test('an answer says what its values and the texts in it say', () => {
  fc.assert(
    fc.property(pair, ([passedOn, said]) => {
      const answer = JSON.parse(stringifyWithRaw(passedOn)) as unknown
      expect(JSON.stringify(answer)).toBe(JSON.stringify(said))
    }),
  )
})

test('numbers, spaces and the order of keys in a text that is passed on stay as they are', () => {
  const text = '{"b": 1.0,  "a": 12345678901234567890, "é": "\\u00e9"}'
  expect(stringifyWithRaw({ one: new RawJson(text), none: undefined, all: [undefined] })).toBe(
    `{"one":${text},"all":[null]}`,
  )
  expect(stringifyWithRaw(new RawJson(text))).toBe(text)
  expect(stringifyWithRaw(undefined)).toBe('null')
})

test('a text that happens to be what stands for others does not take their place', () => {
  let place: unknown
  const spy = { toJSON: () => (place = new RawJson('1').toJSON()) }
  expect(stringifyWithRaw({ spy })).toBe('{"spy":1}')
  const answer = { quoted: `"${String(place)}"`, same: place, raw: new RawJson('{}') }
  expect(stringifyWithRaw(answer)).toBe(
    `{"quoted":"\\"${String(place)}\\"","same":"${String(place)}","raw":{}}`,
  )
  stringifyWithRaw({ spy })
  expect(stringifyWithRaw({ same: place })).toBe(`{"same":"${String(place)}"}`)
})

test('JSON.stringify itself writes what the text says', () => {
  expect(JSON.stringify({ raw: new RawJson('{"a": 1}') })).toBe('{"raw":{"a":1}}')
})
