import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { isConnectionError, watchUnheldErrors } from '../src/unheld-errors.ts'

const withCode = (code: string) => Object.assign(new Error('from a driver'), { code })
const named = (name: string, message = '') => Object.assign(new Error(message), { name })

test('errors of connections are told from mistakes', () => {
  const ofConnections = [
    withCode('EPIPE'),
    withCode('CONNECTION_CLOSED'),
    withCode('STATEMENT_TIMEOUT'),
    withCode('57P01'),
    withCode('ERR_STREAM_DESTROYED'),
    new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]),
    named('MaxRetriesPerRequestError'),
    new Error('Connection is closed.'),
    new Error('Connection terminated unexpectedly'),
  ]
  expect(ofConnections.filter((error) => !isConnectionError(error))).toEqual([])
  const others = [
    new TypeError("Cannot read properties of null (reading 'write')"),
    new AggregateError([withCode('ECONNREFUSED'), new TypeError('a mistake')]),
    new AggregateError([]),
    withCode('42601'),
    withCode('ENOENT'),
    new Error('anything'),
    'text',
    null,
    undefined,
  ]
  expect(others.filter(isConnectionError)).toEqual([])
})

test('those of connections are counted, and logged once while they repeat; after another the process ends', () => {
  const events = new EventEmitter()
  const logged: unknown[] = []
  const unsure: unknown[] = []
  const log = { info: () => {}, warn: () => {}, error: (facts: object) => logged.push(facts) }
  const watched = watchUnheldErrors(events as NodeJS.Process, log, (error) => unsure.push(error))
  const lost = withCode('ECONNRESET')
  for (const event of ['uncaughtException', 'unhandledRejection', 'unhandledRejection']) {
    events.emit(event, lost)
  }
  expect(watched.count()).toBe(3)
  expect(logged).toEqual([{ err: lost }])
  expect(unsure).toEqual([])

  const mistake = new TypeError('a mistake')
  events.emit('uncaughtException', mistake)
  expect(unsure).toEqual([mistake])
  expect(watched.count()).toBe(3)
})
