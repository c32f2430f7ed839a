import { expect, test } from 'vitest'
import { createSlots } from '../../src/queue/slots.ts'

test('owners take turns at the slots, and each keeps the order of its own', async () => {
  const slots = createSlots(1)
  const order: string[] = []
  await Promise.all(
    ['a1', 'a2', 'a3', 'b1'].map(async (name) => {
      const giveBack = await slots.take(name[0]!)
      order.push(name)
      await new Promise((resolve) => setImmediate(resolve))
      giveBack()
    }),
  )
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3'])
})
