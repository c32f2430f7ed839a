import { setTimeout as pause } from 'node:timers/promises'
import { JobPostponedError } from '../src/queue/backend.ts'
import { createSlots } from '../src/queue/slots.ts'
import type { Log } from '../src/domain/log.ts'
import { isRetryable } from '../src/store/errors.ts'
import { untilAvailable } from './until-available.ts'

/*
 * A batch holds items of several tenants, each applied in a transaction of its own, one after the other. A tenant whose
 * transaction fails, or hangs, because its node of the database is away or something holds its rows, would delay all others.
 * So it leaves the batch: its work waits aside, where it is tried again until it succeeds, and what comes of the tenant
 * meanwhile joins it there at once. Only so much may wait there that there is room for others; the rest goes back to the
 * queue.
 */

/** How long the others of a batch wait for a tenant: longer than the transaction of a full batch takes. */
const patienceMs = 2_000

/**
 * How long what there is no room for aside waits for a transaction that hangs, before it goes back to the queue and has to be
 * applied once more. On a busy server a transaction may take seconds.
 */
const hangMs = 5_000

/** Of all that waits aside, so many are in the database at a time. They take its connections, one for each tenant. */
const asideAtOnce = 2

/** Others were served so short a time ago that the database is there for them. */
const livelyMs = 10_000

/** While nobody is served, what goes back to the queue does so slowly: it would come again at once, and in vain. */
const slowMs = 1_000

/** What a tenant has in a batch. */
export interface Part<T> {
  tenantId: string
  items: T[]
  signal: AbortSignal
  /** May be repeated. Rejects with an error that passes by itself, or with the reason of the signal. */
  apply(items: T[]): Promise<void>
}

export interface Aside<T> {
  /**
   * Applies a part, until that is done or the others need not wait for it any longer. Then each of its items has a `rest`,
   * which resolves when the item is applied, and rejects when it goes back to the queue.
   * @throws when the process stops
   */
  inTurn(part: Part<T>): Promise<void>
}

/**
 * @param most how many items may wait aside
 * @param now milliseconds that never go back
 */
export function createAside<T extends { rest: Promise<void> | null }>(
  services: { log: Log; progress: { waits(): void } },
  most: number,
  now: () => number = () => performance.now(),
): Aside<T> {
  /** How many items wait aside, by tenant. */
  const waiting = new Map<string, number>()
  const slots = createSlots(asideAtOnce, 1)
  /** How many have left a batch while their statement was in the database. */
  let hanging = 0
  let servedAt = -Infinity

  async function serve({ apply }: Part<T>, items: T[]): Promise<void> {
    await apply(items)
    servedAt = now()
  }

  /** @param first the attempt in progress, if there is one */
  function leave(part: Part<T>, first: Promise<void> | null): void {
    const held = [...waiting.values()].reduce((sum, count) => sum + count, 0)
    const room = Math.max(0, most - held)
    const [kept, others] = [part.items.slice(0, room), part.items.slice(room)]
    const rests = [
      { items: kept, rest: kept.length === 0 ? null : wait(part, kept, first) },
      { items: others, rest: others.length === 0 ? null : giveWay(part, first) },
    ]
    for (const { items, rest } of rests) {
      // Whoever waits for it comes when the batch is over.
      rest?.catch(() => {})
      for (const item of items) item.rest = rest
    }
  }

  async function wait(part: Part<T>, items: T[], first: Promise<void> | null): Promise<void> {
    const { tenantId, signal } = part
    waiting.set(tenantId, (waiting.get(tenantId) ?? 0) + items.length)
    try {
      if (first !== null && (await succeeds(first))) return
      await untilAvailable(services, signal, async () => {
        const release = await slots.take(tenantId)
        await serve(part, items).finally(release)
      })
    } finally {
      const left = waiting.get(tenantId)! - items.length
      if (left === 0) waiting.delete(tenantId)
      else waiting.set(tenantId, left)
    }
  }

  /** @throws JobPostponedError unless the attempt in progress succeeds soon */
  async function giveWay({ signal }: Part<T>, first: Promise<void> | null): Promise<void> {
    if (first !== null && (await outcomeWithin(succeeds(first), hangMs)) === true) return
    if (now() - servedAt > livelyMs) await pause(slowMs, null, { signal }).catch(() => {})
    throw new JobPostponedError('the part of the database that holds the tenant is away')
  }

  return {
    async inTurn(part) {
      if (waiting.has(part.tenantId)) {
        leave(part, null)
        return
      }
      const first = serve(part, part.items)
      const isDone = succeeds(first)
      const outcome = await outcomeWithin(isDone, patienceMs)
      if (outcome === 'hangs' && hanging < asideAtOnce) {
        hanging += 1
        void isDone.catch(() => {}).finally(() => (hanging -= 1))
        leave(part, first)
      } else if (!(await isDone)) leave(part, null)
    },
  }
}

async function outcomeWithin(isDone: Promise<boolean>, ms: number): Promise<boolean | 'hangs'> {
  const timer = new AbortController()
  const patience = pause(ms, 'hangs' as const, { signal: timer.signal })
  patience.catch(() => {})
  return Promise.race([isDone, patience]).finally(() => timer.abort())
}

/** @returns false when it failed and may succeed later @throws any other error */
async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (!isRetryable(error)) throw error
    return false
  }
}
