import { expect, test } from 'vitest'
import { isSqlState, postgresErrorKind } from '../../src/domain/postgres-errors.ts'
import { isDataError, isRetryable, isUniqueViolation } from '../../src/store/errors.ts'

const codes = {
  passing: ['08006', '40001', '40P01', '53300', '55P03', '57014', '57P01', '58030', '25006'],
  unique: ['23505'],
  data: ['22003', '22P05', '54000'],
  unclear: ['0A000', 'XX000'],
  other: ['23503', '25P02', '42601', 'P0001', 'XX001'],
}

test.each(Object.entries(codes))('%s: %j', (kind, list) => {
  for (const code of list) {
    expect(isSqlState(code), code).toBe(true)
    expect(postgresErrorKind(code, 'x'), code).toBe(kind)
    const error = Object.assign(new Error('x'), { code })
    expect([isRetryable(error), isUniqueViolation(error), isDataError(error)], code).toEqual(
      [['passing', 'unclear'], ['unique'], ['data']].map((kinds) => kinds.includes(kind)),
    )
  }
})

test('what a cluster passes on without its code is told by its message', () => {
  const from = (message: string) => Object.assign(new Error(message), { code: 'XX000' })
  const taken = 'duplicate key value violates unique constraint "examples_pkey_102048"'
  expect(isUniqueViolation(from(taken))).toBe(true)
  const full = 'could not extend file "base/5/16384": No space left on device'
  const away = 'failure on connection marked as essential: 10.0.0.2:5432'
  for (const message of [full, away, 'SSL SYSCALL error: EOF detected']) {
    expect(isRetryable(from(message)), message).toBe(true)
  }
})

test('what Node reports of a connection is no SQLSTATE, and passes', () => {
  for (const code of ['EPIPE', 'ECONNREFUSED', 'CONNECTION_CLOSED']) {
    expect(isSqlState(code), code).toBe(false)
    expect(isRetryable(Object.assign(new Error('x'), { code })), code).toBe(true)
  }
})

test.each([
  ['unique', 'duplicate key value violates unique constraint "datasets_tenant_id_name_key_102046"'],
  ['data', 'invalid memory alloc request size 1073741824'],
  ['unclear', 'connection to the remote node 127.0.0.1:5433 failed'],
])('a code that says nothing is %s when the message says so', (kind, message) => {
  for (const code of ['0A000', 'XX000']) expect(postgresErrorKind(code, message)).toBe(kind)
})
