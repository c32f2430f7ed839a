import type { Db } from '../../pool.ts'
import { LateStatisticsError } from '../../errors.ts'
import { currentReading, withoutReading } from '../../reading.ts'
import { takeReadSlot } from '../../request-pool.ts'
import { experimentAggregateRefreshDirty } from './aggregates.ts'

/** A refresh that requests of one tenant wait for together. */
interface Refresh {
  experimentIds: Set<string>
  /** Then it may not see what was applied after, so that nobody else may wait for it. */
  hasBegun: boolean
  /** How many requests still wait for it. */
  wanted: number
  done: Promise<void>
}

/** By tenant, the refresh that was asked for last. */
const newest = new WeakMap<Db, Map<string, Refresh>>()
const never = new AbortController().signal

/**
 * How long a request waits for a refresh. After a flood the marks of millions of traces may have to be worked off: nobody gets
 * old figures meanwhile, and nobody waits for minutes.
 */
const usualPatienceMs = 20_000

/**
 * Refreshes experiments for a request that reads, so that it sees every event that was applied before it came
 * (experimentAggregateRefreshDirty). Of a tenant, one refresh runs at a time and the next one is for all requests that
 * came meanwhile: each takes a connection, and would only wait there for the lock of the others.
 * @throws ReadsBusyError
 * @throws LateStatisticsError after the patience
 * @throws the reason of the reading's signal when the client leaves
 */
export async function experimentAggregateFreshen(
  db: Db,
  tenantId: string,
  experimentIds: string[],
  patienceMs = usualPatienceMs,
): Promise<void> {
  if (experimentIds.length === 0) return
  const signal = currentReading()?.signal ?? never
  signal.throwIfAborted()
  const refresh = refreshToCome(db, tenantId)
  for (const id of experimentIds) refresh.experimentIds.add(id)
  refresh.wanted++
  let leave = (): void => {}
  const left = new Promise<never>((_, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason of a signal is its owner's
    leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave)
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new LateStatisticsError(`no fresh statistics within ${patienceMs} ms`)
    timer = setTimeout(() => reject(error), patienceMs)
  })
  try {
    await Promise.race([refresh.done, left, late])
  } finally {
    clearTimeout(timer)
    refresh.wanted--
    signal.removeEventListener('abort', leave)
  }
}

/** Returns a refresh that has not begun yet. */
function refreshToCome(db: Db, tenantId: string): Refresh {
  const refreshes = newest.get(db) ?? new Map<string, Refresh>()
  newest.set(db, refreshes)
  const last = refreshes.get(tenantId)
  if (last?.hasBegun === false) return last
  const refresh: Refresh = {
    experimentIds: new Set(),
    hasBegun: false,
    wanted: 0,
    done: Promise.resolve(),
  }
  refreshes.set(tenantId, refresh)
  // It is not the reading of the request that came first: others wait for it, too.
  refresh.done = withoutReading(async () => {
    try {
      // Whoever waits for the one before is told how that ends.
      await last?.done.catch(() => {})
      const release = await takeReadSlot(db, { tenantId, signal: never, hasBegun: () => false })
      refresh.hasBegun = true
      try {
        await experimentAggregateRefreshDirty(db, tenantId, [...refresh.experimentIds], {
          isWanted: () => refresh.wanted > 0,
        })
      } finally {
        release()
      }
    } finally {
      refresh.hasBegun = true
      if (refreshes.get(tenantId) === refresh) refreshes.delete(tenantId)
    }
  })
  return refresh
}
