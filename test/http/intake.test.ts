import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/domain/limit-error.ts'
import { createIntake } from '../../src/http/front-door/intake.ts'

describe('I7: what would wait for too long is refused', () => {
  test('once a tenant has half a second of work waiting, and not before', () => {
    let now = 0
    const intake = createIntake(() => now)
    const stays = Array.from({ length: 100 }, () => intake.begin('a'))
    expect(() => intake.assertRoom('a')).not.toThrow()
    // Ten a second leave.
    for (const stay of stays.slice(0, 40)) {
      now += 100
      stay.end()
    }
    expect(() => intake.assertRoom('a')).toThrow(LimitError)
    expect(() => intake.assertRoom('b')).not.toThrow()
  })

  test('a few requests of a tenant may wait, however slow the server is', () => {
    let now = 0
    const intake = createIntake(() => now)
    const stays = Array.from({ length: 32 }, () => intake.begin('a'))
    now = 60_000
    expect(() => intake.assertRoom('a')).toThrow('the server is busy with requests of this tenant')
    stays[0]!.end()
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

describe('I7: requests are worked on a few at a time', () => {
  test('a tenant that sends many does not keep those of another waiting', async () => {
    const intake = createIntake()
    const begun: string[] = []
    const begin = (name: string) => {
      const stay = intake.begin(name[0]!)
      void stay.mayGoOn.then(() => begun.push(name))
      return stay
    }
    const stays = Array.from({ length: 20 }, (_, i) => begin(`a${i}`))
    await expect.poll(() => begun).toHaveLength(8)
    begin('b')
    await expect.poll(() => begun.slice(8)).toEqual(['b'])
    stays[0]!.end()
    stays[0]!.end()
    await expect.poll(() => begun.slice(9)).toEqual(['a8'])
  })

  test('one that is given up while it waits takes the place of no other', async () => {
    const intake = createIntake()
    const begun: number[] = []
    const stays = Array.from({ length: 10 }, (_, i) => {
      const stay = intake.begin('a')
      void stay.mayGoOn.then(() => begun.push(i))
      return stay
    })
    await expect.poll(() => begun).toHaveLength(8)
    stays[8]!.end()
    stays[0]!.end()
    await expect.poll(() => begun).toContain(9)
  })
})

describe('I7: a tenant that sends a flood is given less while others are there', () => {
  test('what was given up while it waited does not look as if it took no time', async () => {
    const ended: (number | null)[] = []
    let now = 0
    const intake = createIntake(() => now, {
      begin: () => true,
      end: (_, ms) => void ended.push(ms),
      refuse() {},
      look: () => false,
    })
    const stays = Array.from({ length: 9 }, () => intake.begin('a'))
    await stays[0]!.mayGoOn
    stays[8]!.end()
    now = 20
    stays[0]!.end()
    await expect.poll(() => ended).toEqual([20, null])
  })

  test('what may not begin yet begins later, in its order, though nothing ends meanwhile', async () => {
    let isLimited = false
    let left = 2
    const intake = createIntake(() => performance.now(), {
      begin: () => !isLimited || left-- > 0,
      end() {},
      refuse() {},
      look: () => isLimited,
    })
    isLimited = true
    const begun: number[] = []
    const begin = (i: number) => void intake.begin('a').mayGoOn.then(() => begun.push(i))
    for (let i = 0; i < 5; i++) begin(i)
    await expect.poll(() => begun).toEqual([0, 1])
    left = 1
    await expect.poll(() => begun).toEqual([0, 1, 2])
    left = 1
    begin(5)
    await expect.poll(() => begun).toEqual([0, 1, 2, 3])
    isLimited = false
    await expect.poll(() => begun).toEqual([0, 1, 2, 3, 4, 5])
  })
})
