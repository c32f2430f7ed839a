/*
 * Gathers the items of concurrent jobs into few large batches. A batch starts as soon as an earlier one is done. When
 * the lane is idle an item forms a batch alone, so no timer delays a single write; when it is busy a batch holds
 * whatever has arrived since: an item of each owner in turn, so that nobody waits for all that another has brought.
 */

/** Two, so that while one batch is in the database the next is prepared, and Postgres has work for a second core. */
const batchesAtOnce = 2

export interface GathererOptions<T> {
  /** Applies a batch; rejects only when the process stops. */
  apply(items: T[]): Promise<void>
  /** A batch closes when it holds this weight, or more if its last item is heavy. */
  maxWeight: number
  weigh(item: T): number
  ownerOf(item: T): string
}

/** Hands over an item. Resolves when the batch that holds it is applied. */
export type Gather<T> = (item: T) => Promise<void>

export function createGatherer<T>({
  apply,
  maxWeight,
  weigh,
  ownerOf,
}: GathererOptions<T>): Gather<T> {
  interface Waiting {
    item: T
    resolve(): void
    reject(error: unknown): void
  }
  /** By owner. The owner whose turn is next comes first. */
  const waiting = new Map<string, Waiting[]>()
  let running = 0

  async function run(): Promise<void> {
    running++
    // Jobs that were fetched in the same turn of the event loop belong in the same batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (waiting.size > 0) {
      const batch = takeBatch()
      try {
        await apply(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    running--
  }

  function takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let weight = 0
    // A map goes on with what is added to it meanwhile: an owner that has more comes round again.
    for (const [owner, items] of waiting) {
      const next = items.shift()!
      batch.push(next)
      waiting.delete(owner)
      if (items.length > 0) waiting.set(owner, items)
      weight += weigh(next.item)
      if (weight >= maxWeight) break
    }
    return batch
  }

  return async (item) =>
    new Promise((resolve, reject) => {
      const owner = ownerOf(item)
      const items = waiting.get(owner) ?? []
      items.push({ item, resolve, reject })
      waiting.set(owner, items)
      if (running < batchesAtOnce) void run()
    })
}
