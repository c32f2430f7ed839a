/*
 * Gathers the items of concurrent jobs into few large batches. A batch starts as soon as an earlier one is done. When
 * the lane is idle an item forms a batch alone, so no timer delays a single write; when it is busy a batch holds
 * whatever has arrived since: an item of each owner in turn, so that nobody waits for all that another has brought. While
 * several owners bring items, the batches in progress hold little of each: a batch takes as long for one as for all, and
 * there is one left for another.
 */

/** How the batches of a lane stand to those of other lanes. */
export type Precedence = Pick<GathererOptions<never>, 'before' | 'after' | 'isBehind'>

/**
 * Longer than most batches take. A lane that gives way goes on after it, however much there is in the others: then they
 * share the database.
 */
const longestWayMs = 100
const quietMs = 1_000

/**
 * What the batches in progress hold of one owner while there are others, and of a lane behind in all while those ahead are
 * busy: what takes the database some 50 ms, because all batches share its processors. With a quarter of it, what a
 * batch costs by itself made a large tenant fall behind below the rate that can be sustained (bench/overload.ts).
 */
const shareWeight = 400

/**
 * Makes two kinds of lanes: no batch of a lane behind begins while one ahead applies a batch, for a short while at least,
 * and only one is in progress, and small, until those ahead were quiet for a second.
 * @param now milliseconds that never go back
 */
export function createPrecedence(now: () => number = () => performance.now()): {
  ahead: Precedence
  behind: Precedence
} {
  let running = 0
  let endedAt = -Infinity
  let waiting: (() => void)[] = []
  return {
    ahead: {
      before() {
        running += 1
      },
      after() {
        running -= 1
        endedAt = now()
        if (running > 0) return
        for (const goOn of waiting) goOn()
        waiting = []
      },
    },
    behind: {
      async before() {
        if (running === 0) return
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((resolve) => {
          timer = setTimeout(resolve, longestWayMs)
          waiting.push(resolve)
        })
        clearTimeout(timer)
      },
      isBehind: () => running > 0 || now() - endedAt <= quietMs,
    },
  }
}

/** Two, so that while one batch is in the database the next is prepared, and Postgres has work for a second core. */
const batchesAtOnce = 2

export interface GathererOptions<T> {
  /** Applies a batch; rejects only when the process stops. */
  apply(items: T[]): Promise<void>
  /** A batch closes when it holds this weight, or more if its last item is heavy. */
  maxWeight: number
  weigh(item: T): number
  ownerOf(item: T): string
  /** Whether other lanes are busy that come first. Then batches are small, and one at a time. */
  isBehind?: (() => boolean) | undefined
  /** What runs before each batch and after it. */
  before?: (() => Promise<void> | void) | undefined
  after?: (() => void) | undefined
  /** Milliseconds that never go back. */
  now?: () => number
}

/** Hands over an item. Resolves when the batch that holds it is applied. */
export type Gather<T> = (item: T) => Promise<void>

export function createGatherer<T>({
  apply,
  maxWeight,
  weigh,
  ownerOf,
  isBehind = () => false,
  before = () => {},
  after = () => {},
  now = () => performance.now(),
}: GathererOptions<T>): Gather<T> {
  interface Waiting {
    item: T
    resolve(): void
    reject(error: unknown): void
  }
  /** By owner. The owner whose turn is next comes first. */
  const waiting = new Map<string, Waiting[]>()
  /** When each owner last brought an item; those that did not for a second are forgotten. */
  const broughtAt = new Map<string, number>()
  /** For each batch in progress, what it holds of each owner. */
  const inProgress = new Set<ReadonlyMap<string, number>>()
  let running = 0

  async function run(): Promise<void> {
    running++
    // Jobs that were fetched in the same turn of the event loop belong in the same batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (waiting.size > 0 && (running === 1 || !isBehind())) {
      await before()
      // Empty when another run took all of it meanwhile.
      const { batch, weights } = takeBatch()
      inProgress.add(weights)
      try {
        if (batch.length > 0) await apply(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      } finally {
        inProgress.delete(weights)
        after()
      }
      // What waits is of owners that another run serves, which goes on with them.
      if (batch.length === 0) break
    }
    running--
  }

  /** What the batches in progress hold of an owner. */
  function weightInProgress(owner: string): number {
    return [...inProgress].reduce((sum, held) => sum + (held.get(owner) ?? 0), 0)
  }

  function takeBatch(): { batch: Waiting[]; weights: ReadonlyMap<string, number> } {
    const batch: Waiting[] = []
    const most = isBehind() ? Math.min(shareWeight, maxWeight) : maxWeight
    for (const [owner, at] of broughtAt) if (now() - at > quietMs) broughtAt.delete(owner)
    const isShared = broughtAt.size > 1
    const mostOfOne = isShared ? shareWeight : most
    const weights = new Map<string, number>()
    let weight = 0
    // A map goes on with what is added to it meanwhile: an owner that has more comes round again.
    for (const [owner, items] of waiting) {
      const ofOwner = weights.get(owner) ?? 0
      const heldOfOwner = isShared ? weightInProgress(owner) : 0
      if (heldOfOwner + ofOwner >= mostOfOne) continue
      const next = items.shift()!
      batch.push(next)
      waiting.delete(owner)
      if (items.length > 0) waiting.set(owner, items)
      weights.set(owner, ofOwner + weigh(next.item))
      weight += weigh(next.item)
      if (weight >= most) break
    }
    return { batch, weights }
  }

  return async (item) =>
    new Promise((resolve, reject) => {
      const owner = ownerOf(item)
      const items = waiting.get(owner) ?? []
      broughtAt.set(owner, now())
      items.push({ item, resolve, reject })
      waiting.set(owner, items)
      if (running === 0 || (running < batchesAtOnce && !isBehind())) void run()
    })
}
