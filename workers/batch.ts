/*
 * Gathers the items of concurrent jobs into few large batches. A batch starts as soon as an earlier one is done. When
 * the lane is idle an item forms a batch alone, so no timer delays a single write; those that follow it closely wait for
 * each other for a moment. When it is busy a batch holds whatever has arrived since: an item of each owner in turn, so that
 * nobody waits for all that another has brought. While several owners bring items, one that has brought many gets batches of
 * its own, which hold little at a time, and there is a batch left for an owner that has none in progress: a batch takes as
 * long for one as for all.
 */

/** How the batches of a lane stand to each other, and to those of other lanes. */
export type Precedence = Pick<GathererOptions<never>, 'before' | 'after' | 'isBehind' | 'spacing'>

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

/** An owner of whom more waits than this shares no batch with others. */
const lightWeight = 100

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

/**
 * A batch costs the database some milliseconds whatever it holds, so one for each of a hundred requests a second would keep
 * it busy with little. Two batches of an owner begin at least so far apart, unless so much waits.
 */
export const usualSpacing: Spacing = { ms: 20, upToWeight: 200 }

export interface Spacing {
  ms: number
  upToWeight: number
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
  /** Absent: batches of an owner may begin at any time. */
  spacing?: Spacing | undefined
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
  spacing = { ms: 0, upToWeight: 0 },
  before = () => {},
  after = () => {},
  now = () => performance.now(),
}: GathererOptions<T>): Gather<T> {
  interface Waiting {
    item: T
    resolve(): void
    reject(error: unknown): void
  }
  interface Line {
    items: Waiting[]
    weight: number
  }
  /** By owner. The owner whose turn is next comes first. */
  const waiting = new Map<string, Line>()
  /** When each owner last brought an item; those that did not for a second are forgotten. */
  const broughtAt = new Map<string, number>()
  /** For each batch in progress, what it holds of each owner. */
  const inProgress = new Set<ReadonlyMap<string, number>>()
  /** When the last batch of each owner began, if that is not long ago. */
  const begunAt = new Map<string, number>()
  let alarm: { at: number; timer: NodeJS.Timeout } | undefined
  let running = 0

  async function run(): Promise<void> {
    running++
    // Jobs that were fetched in the same turn of the event loop belong in the same batch.
    await new Promise((resolve) => setImmediate(resolve))
    let lookedAt = now()
    for (; hasDue(lookedAt) && (running === 1 || !isBehind()); lookedAt = now()) {
      // The extra batch is for owners that have none in progress, while there are several.
      if (running > batchesAtOnce && !isShared()) break
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
    for (const owner of waiting.keys()) wakeWhenDue(owner, lookedAt)
  }

  /** When a batch of the owner may begin. */
  function dueAt(owner: string): number {
    const last = begunAt.get(owner)
    if (last === undefined || waiting.get(owner)!.weight >= spacing.upToWeight) return -Infinity
    return last + spacing.ms
  }

  const isDue = (owner: string, at: number): boolean => dueAt(owner) <= at

  function hasDue(at: number): boolean {
    for (const owner of waiting.keys()) if (isDue(owner, at)) return true
    return false
  }

  /**
   * Sees to it that a batch of the owner begins once one may.
   * @param lookedAt when it was found that none might. What was due by then is taken by the runs in progress; what is due
   *   since nobody else would begin
   */
  function wakeWhenDue(owner: string, lookedAt: number): void {
    const at = dueAt(owner)
    if (at <= lookedAt || (alarm !== undefined && alarm.at <= at)) return
    clearTimeout(alarm?.timer)
    alarm = { at, timer: setTimeout(ring, Math.max(0, Math.ceil(at - now()))) }
  }

  function ring(): void {
    alarm = undefined
    for (const owner of waiting.keys()) begin(owner)
  }

  /** Begins a run for what waits of an owner, now or once it may. */
  function begin(owner: string): void {
    const lookedAt = now()
    if (mayBegin(owner, lookedAt)) void run()
    else wakeWhenDue(owner, lookedAt)
  }

  /** What the batches in progress hold of an owner. */
  function weightInProgress(owner: string): number {
    return [...inProgress].reduce((sum, held) => sum + (held.get(owner) ?? 0), 0)
  }

  /** Whether several owners brought items lately. */
  function isShared(): boolean {
    for (const times of [broughtAt, begunAt]) {
      for (const [owner, at] of times) if (now() - at > quietMs) times.delete(owner)
    }
    return broughtAt.size > 1
  }

  /** Of whom a batch may be made, beside those in progress. */
  function ownersInTurn(): string[] {
    const at = now()
    const owners = [...waiting.keys()].filter((owner) => isDue(owner, at))
    if (!isShared()) return owners
    const most = running > batchesAtOnce ? 1 : shareWeight
    const allowed = owners.filter((owner) => weightInProgress(owner) < most)
    const isLight = (owner: string): boolean => waiting.get(owner)!.weight <= lightWeight
    const [first] = allowed
    return first === undefined || !isLight(first) ? allowed.slice(0, 1) : allowed.filter(isLight)
  }

  function takeBatch(): { batch: Waiting[]; weights: ReadonlyMap<string, number> } {
    const batch: Waiting[] = []
    const owners = ownersInTurn()
    const isSmall = isBehind() || isShared()
    const most = isSmall ? Math.min(shareWeight, maxWeight) : maxWeight
    const held = isShared() && owners.length === 1 ? weightInProgress(owners[0]!) : 0
    const weights = new Map<string, number>()
    let weight = held
    // An array goes on with what is added to it meanwhile: an owner that has more comes round again.
    for (const owner of owners) {
      const line = waiting.get(owner)!
      const next = line.items.shift()!
      const itemWeight = weigh(next.item)
      batch.push(next)
      line.weight -= itemWeight
      waiting.delete(owner)
      if (line.items.length > 0) {
        waiting.set(owner, line)
        owners.push(owner)
      }
      weights.set(owner, (weights.get(owner) ?? 0) + itemWeight)
      if (spacing.ms > 0) begunAt.set(owner, now())
      weight += itemWeight
      if (weight >= most) break
    }
    return { batch, weights }
  }

  /** Whether an item of the owner need not wait for the end of a batch in progress. */
  function mayBegin(owner: string, at: number): boolean {
    if (!isDue(owner, at)) return false
    if (running === 0) return true
    if (isBehind()) return false
    if (running < batchesAtOnce) return true
    return running === batchesAtOnce && isShared() && weightInProgress(owner) === 0
  }

  return async (item) =>
    new Promise((resolve, reject) => {
      const owner = ownerOf(item)
      const line = waiting.get(owner) ?? { items: [], weight: 0 }
      broughtAt.set(owner, now())
      line.items.push({ item, resolve, reject })
      line.weight += weigh(item)
      waiting.set(owner, line)
      begin(owner)
    })
}
