import { setTimeout } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { storableText } from '../domain/ids.ts'
import type { Db } from '../store/pool.ts'
import {
  experimentListExisting,
  experimentListTenantWide,
} from '../store/read/experiments/experiments.ts'
import { experimentResolveNames } from '../store/write/experiments.ts'
import type { ExperimentIds } from './services.ts'

const heldMs = 250
/** What is still in use then is asked for again, and nobody waits for that. */
const askAgainMs = heldMs / 2
const heldLimit = 10_000

/** @param time milliseconds that never go back */
export function createExperimentIds(db: Db, time: { now(): number } = performance): ExperimentIds {
  // No other name is held: which experiment it means changes when another one of that name is made.
  const byName = createHolder(
    async (tenantId, names) => experimentListTenantWide(db, tenantId, names),
    time,
  )
  const byId = createHolder(async (tenantId, ids) => {
    const existing = await experimentListExisting(db, tenantId, ids)
    return new Map([...existing].map((id) => [id, id]))
  }, time)

  return {
    async resolveNames(tenantId, names, now) {
      const found = await byName(tenantId, new Set(names.map(storableText)))
      const others = names.filter((name) => !found.has(storableText(name)))
      const resolved =
        others.length === 0 ? null : await experimentResolveNames(db, tenantId, others, now)
      return new Map(
        names.map((name) => [name, found.get(storableText(name)) ?? resolved!.get(name)!]),
      )
    },
    async listExisting(tenantId, ids) {
      return new Set((await byId(tenantId, new Set(ids))).keys())
    },
    async untilForgotten() {
      const end = performance.now() + heldMs
      // A timer counts from the beginning of the loop's turn that set it, and so ends early in a busy process.
      for (let left = heldMs; left > 0; left = end - performance.now()) await setTimeout(left)
    },
  }
}

interface Held {
  id: string
  /** Before the question was sent. */
  askedAt: number
  isAskedAgain: boolean
}

/** @param ask returns the ids of those that exist; the others are asked for each time */
function createHolder(
  ask: (tenantId: string, asked: string[]) => Promise<ReadonlyMap<string, string>>,
  time: { now(): number },
): (tenantId: string, wanted: ReadonlySet<string>) => Promise<Map<string, string>> {
  const held = new LRUCache<string, Held>({ max: heldLimit })

  async function find(tenantId: string, asked: string[]): Promise<ReadonlyMap<string, string>> {
    const askedAt = time.now()
    const found = await ask(tenantId, asked)
    for (const [one, id] of found) {
      held.set(`${tenantId}/${one}`, { id, askedAt, isAskedAgain: false })
    }
    return found
  }

  return async (tenantId, wanted) => {
    const found = new Map<string, string>()
    const missing: string[] = []
    const aging: string[] = []
    for (const one of wanted) {
      const known = held.get(`${tenantId}/${one}`)
      const age = known === undefined ? Infinity : time.now() - known.askedAt
      if (known === undefined || age >= heldMs) {
        missing.push(one)
        continue
      }
      found.set(one, known.id)
      if (age < askAgainMs || known.isAskedAgain) continue
      known.isAskedAgain = true
      aging.push(one)
    }
    // When this fails, the next request that needs them asks, and is told.
    if (aging.length > 0) find(tenantId, aging).catch(() => {})
    if (missing.length > 0)
      for (const [one, id] of await find(tenantId, missing)) found.set(one, id)
    return found
  }
}
