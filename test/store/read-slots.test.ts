import { setMaxListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ReadsBusyError } from '../../src/store/errors.ts'
import { createReadSlots, type ReadSlots } from '../../src/store/read-slots.ts'

const { signal } = new AbortController()
setMaxListeners(0, signal)
const patient = 100_000

/** Takes a slot, and notes that it has it. */
async function take(slots: ReadSlots, tenant: string, started: string[]): Promise<() => void> {
  const release = await slots.take(tenant, signal, patient)
  started.push(tenant)
  return release
}

describe('slots of reads', () => {
  test('one tenant has its share at most, and another one finds room beside it', async () => {
    const slots = createReadSlots(3, 2)
    const started: string[] = []
    const mine = [take(slots, 'a', started), take(slots, 'a', started), take(slots, 'a', started)]
    await take(slots, 'b', started)
    expect(started).toEqual(['a', 'a', 'b'])
    const release = await mine[0]!
    release()
    // A slot that is given back twice counts once.
    release()
    await mine[2]
    expect(started).toEqual(['a', 'a', 'b', 'a'])
    await expect(slots.take('a', signal, 1)).rejects.toBeInstanceOf(ReadsBusyError)
  })

  test('tenants that wait are served in turn, whoever has asked for more', async () => {
    const slots = createReadSlots(1, 1)
    const started: string[] = []
    const first = await take(slots, 'a', started)
    const others = ['a', 'a', 'a', 'b', 'c', 'b'].map(async (tenant) =>
      (await take(slots, tenant, started))(),
    )
    first()
    await Promise.all(others)
    expect(started).toEqual(['a', 'a', 'b', 'c', 'a', 'b', 'a'])
  })

  test('who leaves while waiting, or waits too long, takes no slot; nor does who had left before', async () => {
    const slots = createReadSlots(1, 1)
    const release = await slots.take('a', signal, patient)
    const leaving = new AbortController()
    const left = slots.take('a', leaving.signal, patient)
    const late = slots.take('a', signal, 1)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    await expect(slots.take('b', leaving.signal, patient)).rejects.toThrow('left')
    await expect(late).rejects.toBeInstanceOf(ReadsBusyError)
    release()
    await slots.take('a', signal, patient)
  })

  test('the line of a tenant has an end, and that of another is not touched by it', async () => {
    const slots = createReadSlots(1, 1)
    const release = await slots.take('a', signal, patient)
    const line = Array.from({ length: 500 }, async () => (await slots.take('a', signal, patient))())
    await expect(slots.take('a', signal, patient)).rejects.toBeInstanceOf(ReadsBusyError)
    const other = slots.take('b', signal, patient)
    release()
    ;(await other)()
    await Promise.all(line)
  })
})
