import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveId } from '../../src/domain/ids.ts'
import { sliceElements, sliceMembers, sliceObjects } from '../../src/domain/json.ts'
import { parseTimestamp, toEpochMs } from '../../src/domain/timestamp.ts'

const spaced = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 2, '\t'), fc.constantFrom('', ' ', '\n'))
  .map(([value, space, around]) => `${around}${JSON.stringify(value, null, space)}${around}`)

describe('JSON that is cut up', () => {
  test('has the members and elements that a parse gives', () => {
    fc.assert(
      fc.property(spaced, (text) => {
        const value: unknown = JSON.parse(text)
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
        const members = [...sliceMembers(text)].map(([key, member]) => [key, JSON.parse(member)])
        expect(new Map(members as [string, unknown][])).toEqual(
          new Map(isObject ? Object.entries(value) : []),
        )
        const elements = sliceElements(text).map((element): unknown => JSON.parse(element))
        expect(elements).toEqual(Array.isArray(value) ? value : [])
      }),
    )
  })

  test('has the same elements when their members are cut out with them', () => {
    fc.assert(
      fc.property(fc.array(spaced), (texts) => {
        const objects = sliceObjects(`[${texts.join(',')}]`)
        expect(objects.map(({ text }) => text)).toEqual(texts.map((text) => text.trim()))
        expect(objects.map(({ members }) => members)).toEqual(
          texts.map((text) => (text.trim().startsWith('{') ? sliceMembers(text) : null)),
        )
      }),
    )
  })
})

test('a time reads the same whether or not its second was seen before', () => {
  const day = { min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }
  const fraction = fc.constantFrom('', '.1', '.123', '.123456', '.123456789')
  const zone = fc.constantFrom('Z', '', '+00:00', '+02:00')
  fc.assert(
    fc.property(fc.date(day), fraction, zone, (date, digits, offset) => {
      const second = date.toISOString().slice(0, 19)
      const first = parseTimestamp(`${second}${digits}${offset}`)
      expect(parseTimestamp(`${second}${digits}${offset}`)).toBe(first)
      if (offset === '+02:00' || first === null) return
      expect(first).toBe(`${second}.${digits.slice(1, 7).padEnd(6, '0')}Z`)
      expect(toEpochMs(first)).toBe(Date.parse(`${first.slice(0, 23)}Z`))
    }),
  )
})

test('an id that is derived never changes', () => {
  expect(deriveId('run', 'abc', 'é😀\ud800')).toBe('2008502b-f00c-5f3f-95f2-244dc784965f')
  expect(deriveId('x'.repeat(3000))).toBe('5da44b0a-4aea-5dc6-8ca8-9cada4fb472a')
})
