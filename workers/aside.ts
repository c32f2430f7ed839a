import { setTimeout as pause } from 'node:timers/promises'
import { createSlots } from '../src/queue/slots.ts'
import type { Log } from '../src/domain/log.ts'
import { isRetryable } from '../src/store/errors.ts'
import { untilAvailable } from './until-available.ts'

/*
 * A batch holds jobs of several tenants, each applied in a transaction of its own, one after the other. A tenant whose
 * transaction fails, or hangs, because its node of the database is away or something holds its rows, would delay all others.
 * So it leaves the batch: its work waits aside, where it is tried again until it succeeds, and what comes of the tenant
 * meanwhile joins it there at once.
 */

/** How long the others of a batch wait for a tenant: longer than the transaction of a full batch takes. */
const patienceMs = 2_000

/** Of all that waits aside, so many are in the database at a time. They take its connections, one for each tenant. */
const asideAtOnce = 2

/** Others were served so short a time ago that the database is there for them. */
const livelyMs = 10_000

/** The work of one tenant, and what it holds. */
export interface Part {
  tenantId: string
  jobs: number
  signal: AbortSignal
  /** May be repeated. Rejects with an error that passes by itself, or with the reason of the signal. */
  work(): Promise<void>
}

export interface Aside {
  /**
   * Does the work of a tenant, until it is done or the others need not wait for it any longer.
   * @returns `rest`: resolves when the work is done that goes on aside, rejects when it goes back to the queue; null when
   * nothing is left
   * @throws when the process stops
   */
  inTurn(part: Part): Promise<{ rest: Promise<void> | null }>
}

/**
 * @param most how many jobs may wait aside while others are applied: so many fewer of those are gathered. More go back to
 * the queue, which brings them again. While nobody is applied all may wait.
 * @param now milliseconds that never go back
 */
export function createAside(
  services: { log: Log; progress: { waits(): void } },
  most: number,
  now: () => number = () => performance.now(),
): Aside {
  /** The jobs that wait aside, by tenant. */
  const waiting = new Map<string, number>()
  const slots = createSlots(asideAtOnce, 1)
  /** How many have left a batch while their statement was in the database. */
  let hanging = 0
  let servedAt = -Infinity

  async function serve(part: Part): Promise<void> {
    await part.work()
    servedAt = now()
  }

  /** @param first the attempt in progress, if there is one */
  async function wait(part: Part, first: Promise<void> | null): Promise<void> {
    const { tenantId, jobs, signal } = part
    const held = [...waiting.values()].reduce((sum, count) => sum + count, 0)
    if (first === null && held + jobs > most && now() - servedAt < livelyMs) {
      throw new Error('the part of the database that has the tenant is away')
    }
    waiting.set(tenantId, (waiting.get(tenantId) ?? 0) + jobs)
    try {
      if (first !== null && (await succeeds(first))) return
      await untilAvailable(services, signal, async () => {
        const release = await slots.take(tenantId)
        await serve(part).finally(release)
      })
    } finally {
      const left = waiting.get(tenantId)! - jobs
      if (left === 0) waiting.delete(tenantId)
      else waiting.set(tenantId, left)
    }
  }

  function leave(part: Part, first: Promise<void> | null): { rest: Promise<void> } {
    const rest = wait(part, first)
    // Whoever waits for it comes later.
    rest.catch(() => {})
    return { rest }
  }

  return {
    async inTurn(part) {
      if (waiting.has(part.tenantId)) return leave(part, null)
      const first = serve(part)
      const timer = new AbortController()
      const isOver = succeeds(first).finally(() => timer.abort())
      const patience = pause(patienceMs, 'hangs', { signal: timer.signal }).catch(() => isOver)
      let outcome = await Promise.race([isOver, patience])
      if (outcome === 'hangs' && hanging < asideAtOnce) {
        hanging += 1
        void isOver.catch(() => {}).finally(() => (hanging -= 1))
        return leave(part, first)
      }
      if (outcome === 'hangs') outcome = await isOver
      return outcome ? { rest: null } : leave(part, null)
    },
  }
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
