import { idAt, wordsOf } from './experiment-columns.ts'
import { type Change, changeOf, type MeasurePair, type Pairing, walk } from './pairing.ts'

/** Which examples, in which order. */
export interface ExampleOrder {
  /** The measure that `by` and `changes` are about; null when neither needs one, or nobody has it. */
  measure: MeasurePair | null
  by: 'difference' | 'baseline' | 'candidate' | 'created'
  isDescending: boolean
  /** null for all. */
  changes: readonly Change[] | null
  tolerance: number
}

/** Where a page begins: after this example. */
export interface ExamplePlace {
  id: string
  /** What it was sorted by; null: it has none. */
  rank: number | null
  /** Microseconds since 1970. */
  created: number
}

/** An example of a page, by its place in the pairing. */
export interface PagedExample {
  place: number
  rank: number | null
  created: number
}

/**
 * Chooses a page of examples: by rank, those without one last, then the newest first, then by id. It looks at each example
 * once, and keeps no more than the page.
 * @param created microseconds since 1970 by place; NaN: the example is not known, and is left out
 */
export function examplePage(
  pairing: Pairing,
  created: Float64Array,
  isChosen: Uint8Array | null,
  order: ExampleOrder,
  after: ExamplePlace | null,
  limit: number,
): PagedExample[] {
  const { ranks, changes } = rank(pairing, order)
  const sign = order.isDescending ? -1 : 1
  const compare = (a: PagedExample, b: PagedExample): number => {
    if (a.rank !== b.rank) {
      if (a.rank === null) return 1
      if (b.rank === null) return -1
      return sign * (a.rank - b.rank)
    }
    return b.created - a.created || a.place - b.place
  }
  const start = after === null ? null : { ...after, place: placeAfter(pairing, after.id) - 0.5 }
  const wanted = order.changes === null ? null : new Set(order.changes)
  const page: PagedExample[] = []
  for (let place = 0; place < pairing.size; place++) {
    if (isChosen !== null && isChosen[place] !== 1) continue
    const made = created[place]!
    if (Number.isNaN(made)) continue
    if (
      wanted !== null &&
      !wanted.has(changes === null ? 'missing' : changeNames[changes[place]!]!)
    )
      continue
    const ranked = ranks === null ? NaN : ranks[place]!
    const example = { place, rank: Number.isNaN(ranked) ? null : ranked, created: made }
    if (start !== null && compare(example, start) <= 0) continue
    insert(page, example, compare, limit)
  }
  return page
}

const changeNames = ['missing', 'higher', 'lower', 'equal'] as const satisfies Change[]

function rank(
  pairing: Pairing,
  { measure, by, changes: wanted, tolerance }: ExampleOrder,
): { ranks: Float64Array | null; changes: Uint8Array | null } {
  if (measure === null) return { ranks: null, changes: null }
  const ranks = by === 'created' ? null : new Float64Array(pairing.size).fill(NaN)
  const changes = wanted === null ? null : new Uint8Array(pairing.size)
  walk(pairing, measure, null, (place, a, b) => {
    if (ranks !== null) {
      ranks[place] = by === 'baseline' ? a : by === 'candidate' ? b : withoutNoise(b - a)
    }
    if (changes !== null) changes[place] = changeNames.indexOf(changeOf(b - a, tolerance))
  })
  return { ranks, changes }
}

/** 0.8 - 0.7 and 0.2 - 0.1 are the same, to 12 places. Where that would not fit into a number it matters to nobody. */
function withoutNoise(value: number): number {
  return Math.abs(value) < 9000 ? Math.round(value * 1e12) / 1e12 : value
}

/** @returns the place of an example; -1: neither side has it */
export function placeOf(pairing: Pairing, id: string): number {
  const place = placeAfter(pairing, id) - 1
  return place >= 0 && idAt(pairing.ids, place) === id ? place : -1
}

/** @returns the place of the first example whose id is greater */
function placeAfter({ ids, size }: Pairing, id: string): number {
  const words = wordsOf(id)
  let [low, high] = [0, size]
  while (low < high) {
    const middle = (low + high) >> 1
    let order = 0
    for (let i = 0; i < 4 && order === 0; i++) order = ids[4 * middle + i]! - words[i]!
    if (order <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Keeps the first `limit` in order. Most of what comes late is not among them, which one comparison tells. */
function insert(
  page: PagedExample[],
  example: PagedExample,
  compare: (a: PagedExample, b: PagedExample) => number,
  limit: number,
): void {
  if (page.length === limit) {
    if (limit === 0 || compare(example, page[limit - 1]!) >= 0) return
    page.pop()
  }
  let [low, high] = [0, page.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(page[middle]!, example) < 0) low = middle + 1
    else high = middle
  }
  page.splice(low, 0, example)
}
