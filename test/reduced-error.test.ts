import { expect, test } from 'vitest'
import { QueueUnavailableError } from '../src/queue/backend.ts'
import { describeError, reduceError } from '../src/reduced-error.ts'

test('of an error only name, code, message, stack and cause are shown, not what its driver attached', () => {
  const attached = { command: { name: 'AUTH', args: ['hidden'] }, input: 'redis://:hidden@host' }
  const cause = Object.assign(new Error('inner'), attached, { code: 'WRONGPASS' })
  const error = Object.assign(new TypeError('outer', { cause }), attached)
  const text = describeError(error)
  expect(text).toMatch(/^TypeError: outer\n {4}at /)
  expect(text).toMatch(/\ncaused by: Error: inner\n {4}at [\s\S]*\ncode: WRONGPASS$/)
  expect(text).not.toContain('hidden')
  expect(JSON.stringify(reduceError(error))).not.toContain('hidden')
  expect(describeError('a text')).toBe('a text')
})

test('an error of a datastore that is away is logged without a stack, with its causes; any other with its stack', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(reduceError(new QueueUnavailableError('redis: away', { cause: refused }))).toEqual({
    name: 'QueueUnavailableError',
    message: 'redis: away',
    cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
  })
  const mistake = Object.assign(new TypeError('ours'), { client: { password: 'secret' } })
  expect(reduceError(mistake)).toEqual({
    name: 'TypeError',
    message: 'ours',
    stack: expect.stringContaining('reduced-error.test.ts'),
  })
})
