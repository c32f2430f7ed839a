import { setTimeout as pause } from 'node:timers/promises'
import { idOf } from './ids.ts'
import type { Load } from './load.ts'
import type { System } from './system.ts'
import { kindOf } from './workload.ts'
import { langsmithUnit } from './langsmith-unit.ts'

/**
 * Watches from outside how far the rows are behind the acknowledgements: it looks in the tables for the root of every
 * LangSmith unit whose create was acknowledged. It asks no queue and no metric.
 */
export interface Backlog {
  /** When the oldest run was acknowledged that is not readable yet, in milliseconds since 1970; infinite when all are. */
  oldestAt(): number
  readonly waiting: number
  /** Resolves to true once all are readable, to false after `limitMs`. */
  drained(limitMs: number): Promise<boolean>
  /** Forgets what is not readable now. @returns how many that were */
  forget(): number
  stop(): void
}

const lookEveryMs = 250
/** How many runs one look asks for, oldest first. */
const lookFor = 2000

export function watchBacklog(system: System, load: Load, seed: number): Backlog {
  /** When each run was acknowledged. A Map keeps the order. */
  const waiting = new Map<string, number>()
  let isStopped = false

  load.onAcknowledged((_, __, steps) => {
    for (const { unit, step } of steps) {
      if (step === 0 && kindOf(unit) === langsmithUnit) {
        waiting.set(idOf(seed, unit, 'root'), Date.now())
      }
    }
  })

  async function look(): Promise<void> {
    const ids = [...waiting.keys()].slice(0, lookFor)
    if (ids.length === 0) return
    const db = await system.db()
    const found = await db<{ id: string }[]>`
      select id from runs
      where tenant_id = ${system.tenantId} and id = any (${ids}::uuid[]) and name is not null`
    for (const { id } of found) waiting.delete(id)
  }

  void (async () => {
    while (!isStopped) {
      // A database that is away has nothing to show.
      await Promise.race([look().catch(() => {}), pause(5000)])
      await pause(lookEveryMs)
    }
  })()

  return {
    oldestAt() {
      const [oldest] = waiting.values()
      return oldest ?? Number.POSITIVE_INFINITY
    },
    get waiting() {
      return waiting.size
    },
    async drained(limitMs) {
      for (const deadline = Date.now() + limitMs; waiting.size > 0; ) {
        if (Date.now() > deadline) return false
        await pause(200)
      }
      return true
    },
    forget() {
      const forgotten = waiting.size
      waiting.clear()
      return forgotten
    },
    stop() {
      isStopped = true
    },
  }
}
