import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/domain/limit-error.ts'
import { createIntake } from '../../src/http/front-door/intake.ts'

describe('I7: what would wait for too long is refused', () => {
  test('once a tenant has a second of work waiting, and not before', () => {
    let now = 0
    const intake = createIntake(() => now)
    for (let i = 0; i < 100; i++) intake.begin('a')
    expect(() => intake.assertRoom('a')).not.toThrow()
    // Ten a second leave.
    for (let i = 0; i < 40; i++) {
      now += 100
      intake.end('a')
    }
    expect(() => intake.assertRoom('a')).toThrow(LimitError)
    expect(() => intake.assertRoom('b')).not.toThrow()
  })

  test('a few requests of a tenant may wait, however slow the server is', () => {
    let now = 0
    const intake = createIntake(() => now)
    for (let i = 0; i < 32; i++) intake.begin('a')
    now = 60_000
    expect(() => intake.assertRoom('a')).toThrow('the server is busy with requests of this tenant')
    intake.end('a')
    expect(() => intake.assertRoom('a')).not.toThrow()
  })

  test('it tells when to come again, within half a minute', () => {
    let now = 0
    const intake = createIntake(() => now)
    for (let i = 0; i < 1000; i++) intake.begin('a')
    now = 1_000
    let refusal: unknown
    try {
      intake.assertRoom('a')
    } catch (error) {
      refusal = error
    }
    expect(refusal).toMatchObject({ retryAfterSeconds: 30 })
  })
})
