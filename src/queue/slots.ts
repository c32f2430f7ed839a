/** Limits how much is done at the same time. */
export interface Slots {
  /** Waits until there is a slot, and returns the function that gives it back. Owners take turns. */
  take(owner: string): Promise<() => void>
}

export function createSlots(total: number): Slots {
  /** The owners that wait, the next one first. No list is empty. */
  const waiting = new Map<string, (() => void)[]>()
  let taken = 0

  function giveBack(): void {
    const [next] = waiting
    if (next === undefined) {
      taken -= 1
      return
    }
    // The slot goes over to the next one.
    const [owner, list] = next
    waiting.delete(owner)
    const start = list.shift()!
    if (list.length > 0) waiting.set(owner, list)
    start()
  }

  return {
    async take(owner) {
      if (taken < total) {
        taken += 1
        return giveBack
      }
      await new Promise<void>((resolve) => {
        const list = waiting.get(owner) ?? []
        waiting.set(owner, list)
        list.push(resolve)
      })
      return giveBack
    },
  }
}
