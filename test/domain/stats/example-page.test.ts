import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareCategory } from '../../../src/domain/stats/compared-category.ts'
import { compareMeasure, worstCase } from '../../../src/domain/stats/compared-measure.ts'
import { examplePage, type ExamplePlace } from '../../../src/domain/stats/example-page.ts'
import {
  ColumnsBuilder,
  type Execution,
  type ExperimentColumns,
  idAt,
} from '../../../src/domain/stats/experiment-columns.ts'
import { measurePairs, pairUp } from '../../../src/domain/stats/pairing.ts'

const idOf = (n: number): string =>
  `${n.toString(16).padStart(8, '0')}-ffff-4000-8000-${'0'.repeat(12)}`

interface Given {
  status?: string
  scores?: Record<string, number>
  labels?: Record<string, Record<string, number>>
}

/** Columns of executions by example. */
function columnsOf(examples: ReadonlyMap<number, readonly Given[]>): ExperimentColumns {
  const builder = new ColumnsBuilder(null)
  for (const n of [...examples.keys()].toSorted((a, b) => a - b)) {
    for (const { status = 'success', scores = {}, labels = {} } of examples.get(n)!) {
      const execution: Execution = [idOf(n), idOf(0), status, null, null, null, scores, labels, {}]
      builder.add(execution)
    }
  }
  return builder.done()
}

const all = { isChosen: null, tolerance: 1e-9, confidence: 0.95 }

const side = fc.uniqueArray(
  fc.record({
    n: fc.nat(40),
    scores: fc.array(fc.constantFrom(0, 0.1, 0.7, 0.8), { maxLength: 3 }),
  }),
  { selector: ({ n }) => n, maxLength: 30 },
)

test('pages follow one another without a gap or a repeat, in the order of a plain sort', () => {
  fc.assert(
    fc.property(
      side,
      side,
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom('difference' as const, 'baseline' as const, 'created' as const),
      (left, right, isDescending, limit, by) => {
        const [baseline, candidate] = [left, right].map((examples) =>
          columnsOf(
            new Map(
              examples.map(({ n, scores }) => [n, [{}, ...scores.map((x) => ({ scores: { x } }))]]),
            ),
          ),
        ) as [ExperimentColumns, ExperimentColumns]
        const pairing = pairUp(baseline, candidate)
        const ids = new Set([...left, ...right].map(({ n }) => idOf(n)))
        expect(pairing.size).toBe(ids.size)
        const created = Float64Array.from({ length: pairing.size }, (_, place) => place % 3)
        const measure = measurePairs(baseline, candidate)[0] ?? null
        const order = { measure, by, isDescending, changes: null, tolerance: 1e-9 }
        const seen: string[] = []
        for (let after: ExamplePlace | null = null; ; ) {
          const page = examplePage(pairing, created, null, order, after, limit)
          seen.push(...page.map(({ place }) => idAt(pairing.ids, place)))
          const last = page.at(-1)
          if (last === undefined) break
          after = { ...last, id: idAt(pairing.ids, last.place) }
        }
        const meanOf = (examples: typeof left, id: string): number => {
          const scores = examples.find(({ n }) => idOf(n) === id)?.scores ?? []
          return scores.reduce<number>((sum, x) => sum + x, 0) / scores.length
        }
        const rankOf = (id: string): number => {
          if (by === 'created') return NaN
          const a = meanOf(left, id)
          return by === 'baseline' ? a : Math.round((meanOf(right, id) - a) * 1e12)
        }
        const places = new Map([...ids].toSorted().map((id, place) => [id, place]))
        const expected = [...ids].toSorted((p, q) => {
          const [x, y] = [rankOf(p), rankOf(q)]
          if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1
          const [i, j] = [places.get(p)!, places.get(q)!]
          const ranked = Number.isNaN(x) ? 0 : isDescending ? y - x : x - y
          return ranked || (j % 3) - (i % 3) || i - j
        })
        expect(seen).toEqual(expected)
      },
    ),
  )
})

describe('a measure', () => {
  const scored = (...scores: (number | null)[]) =>
    columnsOf(
      new Map(
        scores.map((x, n) => [n, [x === null ? { status: 'error' } : { scores: { x } }]] as const),
      ),
    )

  test('has an interval of each side alone: of the mean, or of the rate', () => {
    const of = (baseline: ExperimentColumns, candidate: ExperimentColumns) =>
      compareMeasure(pairUp(baseline, candidate), measurePairs(baseline, candidate)[0]!, all)
    const rates = of(scored(1, 1, 1, 1, 1), scored(1, 0, 0, 0, 0))
    expect(rates.isBinary).toBe(true)
    expect(rates.baselineInterval![0]).toBeCloseTo(0.5655175352, 9)
    expect(rates.baselineInterval![1]).toBe(1)
    const means = of(scored(1, 2, 3), scored(1, 2, 3))
    expect(means.candidateInterval![0]).toBeCloseTo(2 - 4.302652729749462 / Math.sqrt(3), 9)
    expect(of(scored(null), scored(1)).baselineInterval).toBeNull()
  })

  test('of failed examples is taken for the worst, on either side', () => {
    const [baseline, candidate] = [
      scored(1, 0.5, 0.25, null, null),
      scored(1, null, 0.5, 0.75, null),
    ]
    const pairing = pairUp(baseline, candidate)
    const [pair] = measurePairs(baseline, candidate)
    const found = worstCase(pairing, pair!, 'higher', all)!
    expect(found).toMatchObject({ worst: 0.25, filled: 3, pairs: 5, higher: 2, lower: 1, equal: 2 })
    expect(worstCase(pairing, pair!, 'lower', all)).toMatchObject({ worst: 1 })
    expect(
      worstCase(pairUp(baseline, baseline), { ...pair!, candidate: pair!.baseline }, 'higher', all),
    ).toMatchObject({ filled: 2 })
    const whole = scored(1, 2)
    expect(
      worstCase(pairUp(whole, whole), measurePairs(whole, whole)[0]!, 'higher', all),
    ).toBeNull()
  })
})

describe('categories', () => {
  const labelled = (...labels: (string | string[] | null)[]) =>
    columnsOf(
      new Map(
        labels.map((given, n) => {
          const list = given === null ? [] : [given].flat()
          return [n, list.map((label) => ({ labels: { tone: { [label]: 1 } } }))] as const
        }),
      ),
    )
  const of = (baseline: ExperimentColumns, candidate: ExperimentColumns) =>
    compareCategory(
      pairUp(baseline, candidate),
      'tone',
      baseline.categories.get('tone'),
      candidate.categories.get('tone'),
      { isChosen: null, confidence: 0.95, leastPairs: 2 },
    )

  test('of one execution are moves from label to label', () => {
    const found = of(labelled('a', 'a', 'b', 'a', null), labelled('a', 'b', 'b', 'c', 'c'))
    expect(found).toMatchObject({ labels: ['a', 'b', 'c'], pairs: 4, onlyCandidate: 1 })
    expect(found.moves).toEqual([
      [1, 1, 1],
      [0, 1, 0],
      [0, 0, 0],
    ])
    expect(found.shares[0]).toMatchObject({ label: 'a', baseline: 0.75, candidate: 0.25 })
    expect(found.shares[0]!.difference).toMatchObject({ delta: -0.5, p: 0.5 })
    expect(found.shares.map(({ pHolm }) => pHolm)).toEqual([1, 1, 1])
    expect(found.bowker).toMatchObject({ statistic: 2, df: 2 })
  })

  test('of several executions are shares of each example', () => {
    const found = of(
      labelled(['a', 'b'], ['a', 'a'], ['a', 'a', 'a', 'b'], ['b']),
      labelled(['b', 'b'], ['a', 'b'], ['a'], ['b']),
    )
    expect(found).toMatchObject({ moves: null, stuartMaxwell: null, bowker: null, pairs: 4 })
    const [a] = found.shares
    expect(a).toMatchObject({ baseline: (0.5 + 1 + 0.75) / 4, candidate: (0.5 + 1) / 4 })
    expect(a!.difference.delta).toBeCloseTo((-0.5 - 0.5 + 0.25) / 4, 12)
  })

  test('are no texts', () => {
    const texts = Array.from({ length: 60 }, (_, i) => `text ${i}`)
    expect(labelled(...texts).categories.size).toBe(0)
  })
})
