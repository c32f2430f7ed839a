import { expect, test } from 'vitest'
import { QueueUnavailableError } from '../../src/queue/backend.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { scheduleRepeating } from '../../workers/index.ts'

test('a start asks a queue again that did not answer in time, and gives up at once for any other reason', async () => {
  const queue = inlineBackend()
  await queue.start()
  const scheduled: string[] = []
  let failures: Error[] = [new QueueUnavailableError('no answer')]
  const flaky: typeof queue = {
    ...queue,
    schedule: async (name, key) => {
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      scheduled.push(`${name} ${key}`)
    },
  }
  await scheduleRepeating(flaky)
  expect(scheduled).toEqual(['sweep sweep', 'collect marked', 'collect all'])

  failures = [new Error('a mistake of ours')]
  await expect(scheduleRepeating(flaky)).rejects.toThrow('a mistake of ours')
  await queue.stop()
})
