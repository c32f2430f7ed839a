import { expect, test } from 'vitest'
import { createGatherer } from '../../workers/batch.ts'

test('a batch takes an item of each owner in turn, and the next batch goes on where it ended', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 4,
    weigh: () => 1,
    ownerOf: (item) => item[0]!,
  })
  const items = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'c1']
  await Promise.all(items.map(gather))
  expect(batches).toEqual([['a1', 'b1', 'c1', 'a2'], ['b2', 'a3', 'a4', 'a5'], ['a6']])
})
