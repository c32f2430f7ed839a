import { fromEpochMs, toEpochMs } from '../src/domain/timestamp.ts'
import { dirtyTraceListTenants } from '../src/store/write/aggregates/aggregates.ts'
import { tombstoneListUnpurged } from '../src/store/write/purge.ts'
import { tenantIsOverdue } from '../src/store/write/tenants/retention.ts'
import { tenantList } from '../src/store/write/tenants/tenants.ts'
import { repricingListUnfinished } from '../src/store/write/prices/repricings.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** How many things one sweep looks up. The next one takes the rest. */
const sweepLimit = 500
/** Of how many tenants one sweep looks at the oldest trace, one after the other. The next one goes on with the rest. */
const tenantsAtOnce = 50
/** When some of them hang, the next sweep goes on after so long as well. */
const longestMs = 10_000

/** Longer than any transaction of ours. */
const settleMs = 60_000

/**
 * Returns what finds tenants with traces that are older than they keep them. It also finds tenants with marked traces,
 * deletions that are not purged, and repricings with work left, whose nudges were lost, and nudges again. What cannot be
 * looked up is left to the next sweep, and keeps nothing else from being looked up.
 */
export function createSweep({
  db,
  queue,
  clock,
  log,
  pace,
  apart,
}: Pick<WorkerServices, 'db' | 'queue' | 'clock' | 'log' | 'pace' | 'apart'>): () => Promise<void> {
  /** How many tenants that keep traces for a time were looked at in this round. */
  let looked = 0

  async function look(facts: { at: string; tenantId?: string }, work: () => Promise<void>) {
    try {
      await work()
    } catch (error) {
      log.warn({ err: error, ...facts }, 'a part of the sweep failed')
    }
  }

  async function lookForMarks(): Promise<void> {
    for (const tenantId of await dirtyTraceListTenants(db, sweepLimit)) {
      await nudgeAggregate({ queue, pace }, tenantId)
    }
  }

  async function lookForDeletions(): Promise<void> {
    const settledBefore = fromEpochMs(toEpochMs(clock.now()) - settleMs)!
    const unpurged = await tombstoneListUnpurged(db, settledBefore, sweepLimit)
    for (const { tenantId, kind, id } of unpurged) {
      await queue.nudge('purge', `${tenantId}-${kind}-${id}`, { tenantId, kind, id })
    }
  }

  async function lookForOverdue(): Promise<void> {
    const all = (await tenantList(db)).filter(({ retentionDays }) => retentionDays !== null)
    if (looked >= all.length) looked = 0
    const startedAt = performance.now()
    for (const { id } of all.slice(looked, looked + tenantsAtOnce)) {
      if (performance.now() - startedAt > longestMs) return
      looked += 1
      if (apart.has(id)) continue
      await look({ at: 'retention', tenantId: id }, async () => {
        if (!(await tenantIsOverdue(db, id, clock.now()))) return
        await queue.nudge('purge', `${id}-age`, { tenantId: id, kind: 'age', id })
      })
    }
  }

  async function lookForRepricings(): Promise<void> {
    for (const { tenantId, id } of await repricingListUnfinished(db, sweepLimit)) {
      await queue.nudge('reprice', `${tenantId}-${id}`, { tenantId, id })
    }
  }

  return async () => {
    await look({ at: 'aggregates' }, lookForMarks)
    await look({ at: 'deletions' }, lookForDeletions)
    await look({ at: 'repricings' }, lookForRepricings)
    await look({ at: 'retention' }, lookForOverdue)
  }
}
