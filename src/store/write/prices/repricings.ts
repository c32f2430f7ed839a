import { foldEvents } from '../../../domain/fold.ts'
import { distinctIds } from '../../../domain/ids.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db, Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import { dirtyTraceInsertMany } from '../dirty-traces.ts'
import { refreshTraces } from '../trace-rollups.ts'
import { type LockedRun, runLockToPrice, type RunPricer } from './run-prices.ts'

/** How many runs are looked at in one transaction. */
const pageLength = 500

export interface Repricing {
  id: string
  requestedAt: Timestamp
  /** Null until the work began. */
  runsTotal: number | null
  runsDone: number
  runsChanged: number
  finishedAt: Timestamp | null
}

/** The runs to price anew: those that started in this time. Null: no bound. */
export interface RepricingRange {
  from: Timestamp | null
  to: Timestamp | null
}

/** Asks for the costs of a tenant's runs to be computed anew. The next sweep of a worker begins with it. */
export async function repricingInsert(
  db: Queryable,
  tenantId: string,
  id: string,
  { from, to }: RepricingRange,
  now: Timestamp,
): Promise<void> {
  await runStatement(db, 'repricing_insert', [tenantId, id, from, to, now])
}

export async function repricingFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<Repricing | null> {
  const [row] = await runStatement<Repricing>(db, 'repricing_find', [tenantId, id])
  return row ?? null
}

/** Lists repricings that have work left, the oldest first. */
export async function repricingListUnfinished(
  db: Queryable,
  limit: number,
): Promise<{ tenantId: string; id: string }[]> {
  return runStatement(db, 'repricing_list_unfinished', [limit])
}

interface LockedRepricing {
  fromTime: Timestamp | null
  toTime: Timestamp | null
  runsTotal: number | null
  lastRunId: string | null
}

/**
 * Does the next part of a repricing in one transaction, with how far it has come: a step that is broken off did
 * nothing, and one that is repeated goes on where the last one ended.
 */
export async function repricingStep(
  db: Db,
  tenantId: string,
  id: string,
  { price }: RunPricer,
  now: Timestamp,
): Promise<{ isFinished: boolean }> {
  await runStatement(db, 'repricing_update_total', [tenantId, id])
  return db.begin(async (transaction) => {
    const [held] = await runStatement<LockedRepricing>(transaction, 'repricing_lock', [
      tenantId,
      id,
    ])
    if (held === undefined) return { isFinished: true }
    const page = await runStatement<{ id: string }>(transaction, 'run_list_by_id', [
      tenantId,
      held.lastRunId,
      pageLength,
    ])
    const ids = page.map((run) => run.id)
    const range = { from: held.fromTime, to: held.toTime }
    const runs = await runLockToPrice(transaction, tenantId, ids, range)
    const changed = new Set(await price(transaction, tenantId, runs, true))
    const repriced = runs.filter((run) => changed.has(run.id))
    await refreshRepriced(transaction, tenantId, repriced)
    const isFinished = page.length < pageLength
    await runStatement(transaction, 'repricing_update_progress', [
      tenantId,
      id,
      page.length,
      changed.size,
      ids.at(-1) ?? null,
      isFinished ? now : null,
    ])
    return { isFinished }
  })
}

/**
 * Refreshes what is derived from runs that got other costs: the roll-ups of their traces, and dirty marks.
 * @param runs the transaction has locked their rows
 */
async function refreshRepriced(
  db: Queryable,
  tenantId: string,
  runs: readonly LockedRun[],
): Promise<void> {
  await refreshTraces(db, tenantId, runs, foldEvents([]))
  await dirtyTraceInsertMany(db, tenantId, distinctIds(runs.map((run) => run.traceId)))
}
