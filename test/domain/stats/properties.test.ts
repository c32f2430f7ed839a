import fc from 'fast-check'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { describe, expect, test } from 'vitest'
import {
  booleanDifference,
  type Difference,
  judge,
  numericDifference,
} from '../../../src/domain/stats/difference.ts'
import { mean, pairsOf } from './pairs-of.ts'

const score = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000)
/** Examples, each with repetitions of baseline and candidate. */
const examples = fc.array(
  fc.tuple(
    fc.array(score, { minLength: 1, maxLength: 4 }),
    fc.array(score, { minLength: 1, maxLength: 4 }),
  ),
  { minLength: 5, maxLength: 40 },
)

function compare(pairs: readonly (readonly [number[], number[]])[]): Difference {
  return numericDifference(pairsOf(pairs.map(([a, b]) => mean(b) - mean(a))))
}

function expectClose(a: Difference, b: Difference): void {
  const numbers = ({ delta, standardError, p, interval }: Difference): number[] => [
    delta ?? 9,
    standardError ?? 9,
    p ?? 9,
    ...(interval ?? [9]),
  ]
  const [left, right] = [numbers(a), numbers(b)]
  expect(left).toHaveLength(right.length)
  for (const [i, value] of left.entries()) expect(value).toBeCloseTo(right[i]!, 9)
}

describe('a comparison', () => {
  test('with the sides swapped has the other sign and the same p', () => {
    fc.assert(
      fc.property(examples, (pairs) => {
        const there = compare(pairs)
        const back = compare(pairs.map(([a, b]) => [b, a]))
        if (there.p === null) expect(back.p).toBeNull()
        else expect(back.p).toBeCloseTo(there.p, 9)
        expect(back.delta).toBeCloseTo(-there.delta!, 12)
        expect(judge(back, 'lower')).toBe(judge(there, 'higher'))
      }),
    )
  })

  test('does not depend on the order, on repeated repetitions, or on a constant on both sides', () => {
    fc.assert(
      fc.property(examples, score, (pairs, constant) => {
        const plain = compare(pairs)
        expectClose(compare(pairs.toReversed()), plain)
        expectClose(
          compare(
            pairs.map(([a, b]) => [
              [...a, ...a],
              [...b, ...b],
            ]),
          ),
          plain,
        )
        expectClose(
          compare(pairs.map(([a, b]) => [a.map((x) => x + constant), b.map((x) => x + constant)])),
          plain,
        )
      }),
    )
  })

  test('of passes and failures stays within -1 and 1, and is the same from both sides', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(60), (b, c, rest) => {
        const n = b + c + rest
        const there = booleanDifference({ n, onlyBaseline: b, onlyCandidate: c })
        const back = booleanDifference({ n, onlyBaseline: c, onlyCandidate: b })
        for (const value of Object.values(there)) expect(value).not.toBeNaN()
        if (n < 5) return
        const [low, high] = there.interval!
        expect(low).toBeGreaterThanOrEqual(-1)
        expect(high).toBeLessThanOrEqual(1)
        expect(low).toBeLessThanOrEqual(there.delta!)
        expect(high).toBeGreaterThanOrEqual(there.delta!)
        expect(back.interval![0]).toBeCloseTo(-high, 10)
        expect(back.p).toBe(there.p)
      }),
    )
  })

  test('never tells what it cannot know', () => {
    for (const differences of [
      [],
      [0.1],
      [0.1, 0.2, 0.3, 0.4],
      [0.1, 0.1, 0.1, 0.1, 0.1],
      [0.30000000000000004 - 0.2, 0.1, 0.1, 0.1, 0.1],
    ]) {
      const difference = numericDifference(pairsOf(differences))
      expect(difference).toMatchObject({ p: null, interval: null, method: 'none' })
      expect(judge(difference, 'higher')).toBe('cannot judge')
    }
    const equal = numericDifference(pairsOf([0, 0, 0, 0, 0]))
    expect(equal).toMatchObject({ delta: 0, p: null, isIdentical: true })
    expect(judge(equal, 'lower')).toBe('identical')
    for (const few of [[], [0, 0, 0, 0]])
      expect(judge(numericDifference(pairsOf(few)), 'higher')).toBe('cannot judge')
  })
})

describe('judged by its interval', () => {
  const difference = (low: number, high: number): Difference => ({
    ...numericDifference(pairsOf([1, 2, 3, 4, 5])),
    interval: [low, high],
  })
  test.each([
    [0.01, 0.1, 0, 'better', 'worse'],
    [-0.01, 0.1, 0.02, 'not worse', 'undecided'],
    [-0.03, 0.1, 0.02, 'undecided', 'undecided'],
    [-0.1, -0.03, 0.02, 'worse', 'better'],
    [-0.1, 0.01, 0.02, 'undecided', 'not worse'],
  ])('%f to %f with a margin of %f', (low, high, margin, higher, lower) => {
    expect(judge(difference(low, high), 'higher', margin)).toBe(higher)
    expect(judge(difference(low, high), 'lower', margin)).toBe(lower)
  })
})

test('of 2,000 comparisons without a difference about one in twenty seems to have one', () => {
  const generator = xoroshiro128plus(2026)
  const uniform = (): number => (generator.next() >>> 0) / 2 ** 32
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  let rejected = 0
  for (let comparison = 0; comparison < 2000; comparison++) {
    const pairs = Array.from({ length: 50 }, (): [number[], number[]] => {
      const difficulty = normal()
      const side = (): number[] => Array.from({ length: 3 }, () => difficulty + 0.5 * normal())
      return [side(), side()]
    })
    if (compare(pairs).p! < 0.05) rejected += 1
  }
  expect(rejected).toBeGreaterThan(80)
  expect(rejected).toBeLessThan(120)
})
