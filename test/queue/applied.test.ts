import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { appliedSignals } from '../../src/queue/applied.ts'

describe('appliedSignals', () => {
  test('forgets a batch once nobody watches it', async () => {
    const signals = appliedSignals()
    const watches = ['a', 'a', 'b'].map((id) => signals.watch(id))
    expect(signals.watched()).toBe(2)
    signals.announce(['a'])
    await Promise.all(watches.map((watch) => watch.wait(0)))
    for (const watch of watches) watch.cancel()
    expect(signals.watched()).toBe(0)
  })

  test('a cancelled watch does not take a later one of the same batch with it', async () => {
    const signals = appliedSignals()
    const first = signals.watch('a')
    first.cancel()
    const second = signals.watch('a')
    first.cancel()
    signals.announce(['a'])
    expect(await second.wait(0)).toBe(true)
    second.cancel()
  })

  test('publishes what is announced in one turn in few messages of less than 8,000 bytes', async () => {
    const messages: string[] = []
    const signals = appliedSignals((message) => messages.push(message))
    const ids = Array.from({ length: 1_000 }, () => crypto.randomUUID())
    for (const id of ids) signals.announce([id])
    expect(messages).toEqual([])
    await nextTurn()
    expect(messages).toHaveLength(6)
    expect(Math.max(...messages.map((message) => Buffer.byteLength(message)))).toBeLessThan(8_000)

    const other = appliedSignals()
    const watches = ids.map((id) => other.watch(id))
    for (const message of messages) other.deliver(message)
    expect(await Promise.all(watches.map((watch) => watch.wait(0)))).not.toContain(false)
  })

  test('publishes nothing when nothing was announced', async () => {
    const messages: string[] = []
    const signals = appliedSignals((message) => messages.push(message))
    signals.announce([])
    await nextTurn()
    expect(messages).toEqual([])
  })
})
