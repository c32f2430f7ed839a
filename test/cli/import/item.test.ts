import { expect, test } from 'vitest'
import { eachOf, itemOf, partsOf } from '../../../src/cli/import/item.ts'

test('what clients wrote is handed on digit by digit', () => {
  const item = itemOf('{"inputs":{"n":12345678901234567890,"f":1.0},"name":"a\\u0062","gone":null}')
  expect(item.raw('inputs')?.text).toBe('{"n":12345678901234567890,"f":1.0}')
  expect(item.text('name')).toBe('ab')
  expect(item.raw('gone')).toBeNull()
  expect(item.raw('never')).toBeNull()
})

test('a request holds at most 100 things, and no more text than a server takes, but for one alone', () => {
  const lengths = (list: number[]) => partsOf(list, (length) => length).map(({ length }) => length)
  expect(lengths(Array.from({ length: 250 }, () => 1))).toEqual([100, 100, 50])
  const third = 1_500_000
  expect(lengths([third, third, third, 9_000_000, third])).toEqual([2, 1, 1, 1])
  expect(lengths([])).toEqual([])
})

test('after a failure nothing more is begun, and what is under way ends first', async () => {
  const done: number[] = []
  const failing = eachOf([1, 2, 3, 4, 5], 2, async (one) => {
    await Promise.resolve()
    if (one === 2) throw new Error('two')
    await new Promise((resolve) => setImmediate(resolve))
    done.push(one)
  })
  await expect(failing).rejects.toThrow('two')
  expect(done).toEqual([1])
})
