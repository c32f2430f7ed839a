import { expect, test } from 'vitest'
import { QueueUnavailableError } from '../src/queue/backend.ts'
import { serializeError } from '../src/serialize-error.ts'

test('an error of a datastore that is away is logged without a stack, with its causes; any other with its stack', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(serializeError(new QueueUnavailableError('redis: away', { cause: refused }))).toEqual({
    name: 'QueueUnavailableError',
    message: 'redis: away',
    cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
  })
  const mistake = Object.assign(new TypeError('ours'), { client: { password: 'secret' } })
  expect(serializeError(mistake)).toEqual({
    name: 'TypeError',
    message: 'ours',
    stack: expect.stringContaining('serialize-error.test.ts'),
  })
})
