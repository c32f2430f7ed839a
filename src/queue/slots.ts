/** Limits how much is done at the same time. */
export interface Slots {
  /** Waits until there is a slot, and returns the function that gives it back. Owners take turns. */
  take(owner: string): Promise<() => void>
  /** Looks again who of those that wait may begin. */
  wake(): void
}

/**
 * @param perOwner how many slots one owner may have, so that there is one left for another
 * @param begin whether an owner may have a slot now, which it then gets. Where it may later, `wake` has to be called then
 */
export function createSlots(
  total: number,
  perOwner = total,
  begin: (owner: string) => boolean = () => true,
): Slots {
  /** The owners that wait, the next one first. No list is empty. */
  const waiting = new Map<string, (() => void)[]>()
  const taken = new Map<string, number>()
  let free = total

  const mayOccupy = (owner: string): boolean =>
    free > 0 && (taken.get(owner) ?? 0) < perOwner && begin(owner)

  function occupy(owner: string): () => void {
    free -= 1
    taken.set(owner, (taken.get(owner) ?? 0) + 1)
    return () => {
      free += 1
      const left = taken.get(owner)! - 1
      if (left === 0) taken.delete(owner)
      else taken.set(owner, left)
      startAll()
    }
  }

  /** @returns whether one of those that wait has begun */
  function startNext(): boolean {
    for (const [owner, list] of waiting) {
      if (!mayOccupy(owner)) continue
      waiting.delete(owner)
      const start = list.shift()!
      if (list.length > 0) waiting.set(owner, list)
      start()
      return true
    }
    return false
  }

  function startAll(): void {
    while (startNext());
  }

  return {
    wake: startAll,
    async take(owner) {
      if (!waiting.has(owner) && mayOccupy(owner)) return occupy(owner)
      return new Promise((resolve) => {
        const list = waiting.get(owner) ?? []
        waiting.set(owner, list)
        list.push(() => resolve(occupy(owner)))
      })
    },
  }
}
