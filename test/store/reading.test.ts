import { AsyncResource } from 'node:async_hooks'
import { expect, test, vi } from 'vitest'
import {
  countReading,
  currentReading,
  keepReading,
  withReading,
  type Reading,
} from '../../src/store/reading.ts'

const reading: Reading = {
  tenantId: 'mine',
  signal: new AbortController().signal,
  hasBegun: () => false,
}

async function* tenants(): AsyncGenerator<string | undefined> {
  try {
    yield currentReading()?.tenantId
    await Promise.resolve()
    yield currentReading()?.tenantId
  } finally {
    ended.push(true)
  }
}

const ended: boolean[] = []

test('an iterator belongs to the reading that it was made in, whoever asks it', async () => {
  const kept = withReading(reading, () => keepReading(tenants()))
  const seen: unknown[] = []
  for await (const tenant of kept) seen.push(tenant)
  expect(seen).toEqual(['mine', 'mine'])
  expect(currentReading()).toBeUndefined()
})

test('it is ended when whoever asks stops early', async () => {
  ended.length = 0
  for await (const _ of withReading(reading, () => keepReading(tenants()))) break
  expect(ended).toEqual([true])
})

test('outside a reading an iterator stays as it is', () => {
  const source = tenants()
  expect(keepReading(source)).toBe(source)
})

test('readings are known while one is under way, and again after there was none for a while', () => {
  vi.useFakeTimers()
  try {
    const [first, second] = [countReading(), countReading()]
    const within = withReading(reading, () => new AsyncResource('test'))
    const seen = (): unknown => within.runInAsyncScope(currentReading)?.tenantId
    first()
    first()
    vi.advanceTimersByTime(60_000)
    expect(seen()).toBe('mine')
    second()
    expect(seen()).toBe('mine')
    vi.advanceTimersByTime(60_000)
    expect(seen()).toBeUndefined()
    expect(withReading(reading, currentReading)).toBe(reading)
  } finally {
    vi.useRealTimers()
  }
})
