import { expect, test } from 'vitest'
import { planFaults, type PlannedFault } from '../../chaos/plan.ts'
import { createRandom } from '../../chaos/random.ts'

const kinds = ['kill', 'freeze', 'cut', 'away']

function first(count: number, seed: number): PlannedFault[] {
  const planned: PlannedFault[] = []
  for (const fault of planFaults(kinds, createRandom(seed))) {
    planned.push(fault)
    if (planned.length === count) break
  }
  return planned
}

test('the same seed gives the same faults, and another seed others', () => {
  expect(first(20, 5)).toEqual(first(20, 5))
  expect(first(20, 5)).not.toEqual(first(20, 6))
})

test('each kind comes once before any comes again', () => {
  const order = first(12, 9).map(({ kind }) => kind)
  for (const round of [order.slice(0, 4), order.slice(4, 8), order.slice(8)]) {
    expect(round.toSorted()).toEqual(kinds.toSorted())
  }
})
