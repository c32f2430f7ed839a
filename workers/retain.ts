import { setTimeout as pause } from 'node:timers/promises'
import { traceDeleteOverdue, tombstoneDeleteOverdue } from '../src/store/write/tenants/retention.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** After so many steps other deletions have their turn. The next sweep comes back for the rest. */
const mostSteps = 50
/** Of the time that deleting takes, so much more passes before the next step: ingestion needs the database, too. */
const restPerWork = 2
const longestRestMs = 5000

/** Deletes what is older than a tenant keeps it, some at a time. It may be stopped and repeated at any point. */
export async function retain(
  { db, queue, clock, pace, log, progress }: Omit<WorkerServices, 'prices' | 'apart'>,
  tenantId: string,
  signal: AbortSignal,
): Promise<void> {
  let traces = 0
  for (let step = 0; step < mostSteps; step++) {
    signal.throwIfAborted()
    const startedAt = performance.now()
    const removed = await traceDeleteOverdue(db, tenantId, clock.now())
    if (removed === 0) break
    traces += removed
    progress.retained(removed)
    const rest = Math.min(longestRestMs, (performance.now() - startedAt) * restPerWork)
    await pause(rest, undefined, { signal }).catch(() => {})
  }
  while ((await tombstoneDeleteOverdue(db, tenantId, clock.now())) > 0) signal.throwIfAborted()
  if (traces === 0) return
  log.info({ tenantId, traces }, 'removed traces that were older than their tenant keeps them')
  await nudgeAggregate({ queue, pace }, tenantId)
}
