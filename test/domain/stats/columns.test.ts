import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ColumnsBuilder, mostKeys } from '../../../src/domain/stats/experiment-columns.ts'
import { byCodePoint } from '../../../src/domain/stats/pairing.ts'

const id = `00000000-0000-4000-8000-${'0'.repeat(12)}`

/** One execution with two scores too many, and as many labels. */
function manyKeys(keys: ReadonlySet<string> | null) {
  const builder = new ColumnsBuilder(keys)
  const names = Array.from({ length: mostKeys + 2 }, (_, i) => `key ${i}`)
  const scores = Object.fromEntries(names.map((name) => [name, 1]))
  const labels = Object.fromEntries(names.map((name) => [`${name} in words`, { yes: 1 }]))
  builder.add([id, id, 'success', 2_000_000, 3, null, scores, labels, {}])
  return { columns: builder.done(), last: names.at(-1)! }
}

test('keys are bounded in number, which is said, and each counts for what it takes', () => {
  const { columns } = manyKeys(null)
  expect([columns.scores.size, columns.categories.size]).toEqual([mostKeys, mostKeys])
  expect([...columns.taken.keys()]).toEqual(['latency', 'tokens'])
  expect(columns.hasMoreKeys).toBe(true)
  expect(columns.bytes).toBeGreaterThan(2 * mostKeys * 2000)
})

test('a key that is named is there, however many others there are', () => {
  const name = manyKeys(null).last
  const { columns } = manyKeys(new Set([name]))
  expect([...columns.scores.keys()]).toEqual([name])
  expect(columns.hasMoreKeys).toBe(false)
})

test('keys are in the order of their bytes', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '\u{d7ff}', '\u{ffff}', '😀', '\u{10ffff}'),
  })
  fc.assert(
    fc.property(text, text, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b))
      expect(Math.sign(byCodePoint(a, b))).toBe(bytes)
    }),
  )
})
