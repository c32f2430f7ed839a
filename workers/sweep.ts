import { fromEpochMs, toEpochMs } from '../src/domain/timestamp.ts'
import { dirtyTraceListTenants } from '../src/store/write/aggregates.ts'
import { tombstoneListUnpurged } from '../src/store/write/purge.ts'
import { tenantListOverdue } from '../src/store/write/tenants/retention.ts'
import { repricingListUnfinished } from '../src/store/write/prices/repricings.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** How many things one sweep looks up. The next one takes the rest. */
const sweepLimit = 500

/** Longer than any transaction of ours. */
const settleMs = 60_000

/**
 * Finds tenants with traces that are older than they keep them. Also finds tenants with marked traces, deletions that are
 * not purged, and repricings with work left, whose nudges were lost, and nudges again.
 */
export async function sweep({ db, queue, clock, pace }: WorkerServices): Promise<void> {
  for (const tenantId of await dirtyTraceListTenants(db, sweepLimit)) {
    await nudgeAggregate({ queue, pace }, tenantId)
  }
  const settledBefore = fromEpochMs(toEpochMs(clock.now()) - settleMs)!
  for (const { tenantId, kind, id } of await tombstoneListUnpurged(db, settledBefore, sweepLimit)) {
    await queue.nudge('purge', `${tenantId}-${kind}-${id}`, { tenantId, kind, id })
  }
  for (const { id } of await tenantListOverdue(db, clock.now())) {
    await queue.nudge('purge', `${id}-age`, { tenantId: id, kind: 'age', id })
  }
  for (const { tenantId, id } of await repricingListUnfinished(db, sweepLimit)) {
    await queue.nudge('reprice', `${tenantId}-${id}`, { tenantId, id })
  }
}
