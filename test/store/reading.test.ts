import { expect, test } from 'vitest'
import { currentReading, keepReading, withReading, type Reading } from '../../src/store/reading.ts'

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
