import { setTimeout as pause } from 'node:timers/promises'
import {
  deadLetterDeleteOverdue,
  runDeleteOverdue,
  tombstoneDeleteOverdue,
  traceDeleteOverdue,
} from '../src/store/write/tenants/retention.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** After so many steps other deletions have their turn. The next sweep comes back for the rest. */
const mostSteps = 50
/** Of the time that deleting takes, so much more passes before the next step: ingestion needs the database, too. */
const restPerWork = 2
const longestRestMs = 5000

/** Deletes what is older than a tenant keeps it, some at a time. It may be stopped and repeated at any point. */
export async function retain(
  {
    db,
    queue,
    clock,
    pace,
    log,
    progress,
  }: Pick<WorkerServices, 'db' | 'queue' | 'clock' | 'pace' | 'log' | 'progress'>,
  tenantId: string,
  signal: AbortSignal,
): Promise<void> {
  const traces = await inSteps(signal, async () => {
    const removed = await traceDeleteOverdue(db, tenantId, clock.now())
    progress.retained(removed)
    return removed
  })
  const runs = await inSteps(signal, async () => runDeleteOverdue(db, tenantId, clock.now()))
  const deadLetters = await inSteps(signal, async () =>
    deadLetterDeleteOverdue(db, tenantId, clock.now()),
  )
  while ((await tombstoneDeleteOverdue(db, tenantId, clock.now())) > 0) signal.throwIfAborted()
  if (traces + runs + deadLetters === 0) return
  log.info(
    { tenantId, traces, runsWithoutTrace: runs, deadLetters },
    'removed traces that were older than their tenant keeps them',
  )
  await nudgeAggregate({ queue, pace }, tenantId)
}

/** @param step returns how much it removed @returns how much all steps removed */
async function inSteps(signal: AbortSignal, step: () => Promise<number>): Promise<number> {
  let total = 0
  for (let steps = 0; steps < mostSteps; steps++) {
    signal.throwIfAborted()
    const startedAt = performance.now()
    const removed = await step()
    if (removed === 0) break
    total += removed
    const rest = Math.min(longestRestMs, (performance.now() - startedAt) * restPerWork)
    await pause(rest, undefined, { signal }).catch(() => {})
  }
  return total
}
