/*
 * Gathers the items of concurrent jobs into few large batches. A batch starts as soon as an earlier one is done. When
 * the lane is idle an item forms a batch alone, so no timer delays a single write; when it is busy a batch holds
 * whatever has arrived since.
 */

/** Two, so that while one batch is in the database the next is prepared, and Postgres has work for a second core. */
const batchesAtOnce = 2

export interface GathererOptions<T> {
  /** Applies a batch; rejects only when the process stops. */
  apply(items: T[]): Promise<void>
  /** A batch closes when it holds this weight, or more if its last item is heavy. */
  maxWeight: number
  weigh(item: T): number
}

/** Hands over an item. Resolves when the batch that holds it is applied. */
export type Gather<T> = (item: T) => Promise<void>

export function createGatherer<T>({ apply, maxWeight, weigh }: GathererOptions<T>): Gather<T> {
  interface Waiting {
    item: T
    resolve(): void
    reject(error: unknown): void
  }
  const waiting: Waiting[] = []
  let running = 0

  async function run(): Promise<void> {
    running++
    // Jobs that were fetched in the same turn of the event loop belong in the same batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (waiting.length > 0) {
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
    let weight = 0
    let count = 0
    while (count < waiting.length && weight < maxWeight) weight += weigh(waiting[count++]!.item)
    return waiting.splice(0, count)
  }

  return async (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (running < batchesAtOnce) void run()
    })
}
