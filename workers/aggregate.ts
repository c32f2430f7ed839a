import { type Handler, JobPostponedError } from '../src/queue/backend.ts'
import { isCancelled } from '../src/store/errors.ts'
import { aggregateRefresh } from '../src/store/write/aggregates/aggregates.ts'
import { createPatience } from './apart.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** A tenant that ran out of patience is left alone for so many times as long: few are refreshed at a time. */
const restPerPatience = 10
const patienceLastsMs = 1_800_000

/**
 * Brings the aggregates of a tenant up to date. As long as that finds something, it looks once more a moment later,
 * because a nudge that came meanwhile was lost.
 * @param usualMs how long a statement may take at first
 */
export function aggregateHandler(
  { db, queue, pace, apart }: Pick<WorkerServices, 'db' | 'queue' | 'pace' | 'apart'>,
  usualMs: number,
): Handler<'aggregate'> {
  const patience = createPatience(usualMs, patienceLastsMs)
  return async ({ tenantId, isFollowUp = false }) => {
    // It would keep others waiting, in vain. The sweep nudges again.
    if (apart.has(tenantId)) return
    const patienceMs = patience.of(tenantId)
    try {
      const hasWorked = await pace.measure(tenantId, async () =>
        aggregateRefresh(db, tenantId, patienceMs),
      )
      if (hasWorked) await nudgeAggregate({ queue, pace }, tenantId, !isFollowUp)
    } catch (error) {
      if (!isCancelled(error)) throw error
      patience.ranOut(tenantId)
      throw new JobPostponedError(patienceMs * restPerPatience)
    }
  }
}
