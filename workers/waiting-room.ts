import { setTimeout as pause } from 'node:timers/promises'
import { JobPostponedError } from '../src/queue/backend.ts'
import { createSlots } from '../src/queue/slots.ts'

/*
 * Where jobs wait that could not be applied and may be soon, because the database is away or busy (SPEC I6). They are tried
 * outside of the batches, one of each tenant at a time and each in turn, and when one is applied the others are gathered
 * again. Few may wait: the others make room in the lane, for those of tenants that can be applied.
 */

/** The pause from one try to the next, which doubles. */
const retryMs = { first: 100, last: 5_000 }
const triesAtOnce = 2

/** Of the jobs that are taken at a time, so many may wait: one in two, and one in eight of a tenant. */
const share = { all: 1 / 2, tenant: 1 / 8 }

/** Not at once: while nobody can be applied, all that waits in the queue would come and go. */
const giveWayAfterMs = 1_000
const comeAgainMs = 5_000

export interface Waiting {
  signal: AbortSignal
  /** How many jobs the process takes at a time from where this one came from. */
  places: number
  /** Gives it back to the queue. */
  reject(error: unknown): void
}

export interface WaitingRoom<T extends Waiting> {
  /** Whether something of the tenant waits, so that what comes of it has to join. */
  has(tenantId: string): boolean
  enter(tenantId: string, items: T[]): void
}

export interface WaitingRoomOptions<T extends Waiting> {
  /** @returns false when it still cannot be applied and may be soon; otherwise it has ended */
  attempt(tenantId: string, item: T): Promise<boolean>
  gather(item: T): void
}

export function createWaitingRoom<T extends Waiting>({
  attempt,
  gather,
}: WaitingRoomOptions<T>): WaitingRoom<T> {
  const waiting = new Map<string, T[]>()
  const slots = createSlots(triesAtOnce, 1)

  function count(): number {
    return [...waiting.values()].reduce((sum, items) => sum + items.length, 0)
  }

  /** @param others of its tenant, which wait; none where there is no room for any */
  async function giveWay(tenantId: string, item: T, others: readonly T[]): Promise<void> {
    const { signal, reject } = item
    const isTried = others.length > 0
    await pause(giveWayAfterMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) reject(signal.reason)
    else if (isTried && !waiting.has(tenantId)) gather(item)
    else reject(new JobPostponedError(comeAgainMs))
  }

  async function retry(tenantId: string, items: T[]): Promise<void> {
    for (let attempts = 0; ; attempts++) {
      const [first] = items
      const { signal } = first!
      const delayMs = Math.min(retryMs.first * 2 ** attempts, retryMs.last)
      await pause(delayMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) {
        for (const { reject } of items) reject(signal.reason)
        break
      }
      const release = await slots.take(tenantId)
      const hasEnded = await attempt(tenantId, first!).finally(release)
      items.shift()
      if (hasEnded) {
        for (const item of items) gather(item)
        break
      }
      // Another may be applied, and shows that it is not the tenant.
      items.push(first!)
    }
    waiting.delete(tenantId)
  }

  return {
    has: (tenantId) => waiting.has(tenantId),
    enter(tenantId, items) {
      const own = waiting.get(tenantId) ?? []
      const { places } = items[0]!
      const most = Math.min(places * share.all - count(), places * share.tenant - own.length)
      const room = Math.max(0, most)
      own.push(...items.slice(0, room))
      for (const item of items.slice(room)) void giveWay(tenantId, item, own)
      if (own.length === 0 || waiting.has(tenantId)) return
      waiting.set(tenantId, own)
      void retry(tenantId, own)
    },
  }
}
