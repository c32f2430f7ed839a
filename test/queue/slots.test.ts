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

test('an owner has only so many slots: another takes what is left at once', async () => {
  const slots = createSlots(3, 2)
  const taken: string[] = []
  const take = async (name: string) => {
    const giveBack = await slots.take(name[0]!)
    taken.push(name)
    return giveBack
  }
  const [giveFirstBack] = await Promise.all([take('a1'), take('a2')])
  void take('a3')
  await take('b1')
  expect(taken).toEqual(['a1', 'a2', 'b1'])
  void take('c1')
  giveFirstBack()
  await expect.poll(() => taken).toEqual(['a1', 'a2', 'b1', 'a3'])
})
