import type { Handler } from '../src/queue/backend.ts'
import { aggregateRefresh } from '../src/store/write/aggregates.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/**
 * Brings the aggregates of a tenant up to date. As long as that finds something, it looks once more a moment later,
 * because a nudge that came meanwhile was lost.
 */
export function aggregateHandler({
  db,
  queue,
  pace,
  apart,
}: Pick<WorkerServices, 'db' | 'queue' | 'pace' | 'apart'>): Handler<'aggregate'> {
  return async ({ tenantId, isFollowUp = false }) => {
    // It would keep others waiting, in vain. The sweep nudges again.
    if (apart.has(tenantId)) return
    const hasWorked = await pace.measure(tenantId, async () => aggregateRefresh(db, tenantId))
    if (hasWorked) await nudgeAggregate({ queue, pace }, tenantId, !isFollowUp)
  }
}
