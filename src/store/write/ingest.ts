import type { IngestEvent } from '../../domain/events.ts'
import { foldEvents, type FoldedRow } from '../../domain/fold.ts'
import type { EntityKind } from '../../domain/entities.ts'
import { distinctIds } from '../../domain/ids.ts'
import type { Db, Queryable } from '../pool.ts'
import { allOf, planModeUpdate, runStatement, statementTimeoutUpdate } from '../statements.ts'
import { DeletedError, refuseDeleted } from './deleted.ts'
import { dirtyTraceInsertMany } from './dirty-traces.ts'
import { linksOfRuns } from './run-links.ts'
import { refreshTraces } from './trace-rollups.ts'
import { upsertMany } from './upsert-sql.ts'

/** Computes the costs of runs (SPEC I14): of new ones before their rows are written, and of the others then. */
export interface PriceRuns {
  priceNew(db: Queryable, tenantId: string, rows: readonly FoldedRow[]): Promise<void>
  priceWritten(db: Queryable, tenantId: string, runIds: string[]): Promise<unknown>
}

/**
 * Applies events of one tenant in one transaction: all of them or none. The tables end the same, however often and in
 * whatever order the events are applied, and however they are split into calls (SPEC I2, I3). What was deleted stays
 * deleted.
 * @param prices absent: costs are only those that were sent
 * @param patienceMs how long each statement may take in the server; absent: as long as the connection allows
 * @returns whether the tenant's aggregates are now dirty; the marks of the traces are committed with the rows
 * @throws the database's error; store/errors.ts says which pass by themselves
 */
export async function applyEvents(
  db: Db,
  tenantId: string,
  events: readonly IngestEvent[],
  prices?: PriceRuns,
  patienceMs?: number,
): Promise<boolean> {
  let live = events
  for (;;) {
    try {
      return await db.begin(async (transaction) =>
        applyLive(transaction, tenantId, live, prices, patienceMs),
      )
    } catch (error) {
      if (!(error instanceof DeletedError)) throw error
      // Each round drops at least one event.
      live = error.live
    }
  }
}

async function applyLive(
  transaction: Queryable,
  tenantId: string,
  events: readonly IngestEvent[],
  prices?: PriceRuns,
  patienceMs?: number,
): Promise<boolean> {
  if (events.length === 0) return false
  const folded = foldEvents(events)

  // Every transaction takes the tables in this order, and rows by key: no deadlocks. What does not need the answer to
  // something else is sent behind it without waiting for that, so that a small batch takes three round trips.
  const [, , { written, orphans }] = await allOf([
    patienceMs !== undefined && statementTimeoutUpdate(transaction, patienceMs),
    experimentLockMany(transaction, tenantId, events),
    writeRuns(transaction, tenantId, folded.run, prices),
  ])
  const toPrice = written.filter((run) => run.isToPrice).map((run) => run.id)
  await prices?.priceWritten(transaction, tenantId, toPrice)
  const runs = [...written, ...(await runRefreshTraceless(transaction, tenantId, written, orphans))]
  const roots = written.filter((run) => run.isExampleRoot).map((run) => run.id)

  const finish = async (others: Touched[]): Promise<boolean> => {
    const dirty = distinctIds([
      ...runs.map((run) => run.traceId ?? run.id),
      ...folded.trace.map((trace) => trace.id),
      ...others.map((row) => row.traceId ?? row.runId ?? row.id),
    ])
    // What is left may keep its plans, too: only the primary key finds a tombstone, and marks are looked up nowhere. To plan
    // both anew takes a tenth of what a transaction of eight runs costs.
    await allOf([
      planModeUpdate(transaction, 'auto'),
      refuseDeleted(transaction, tenantId, events, runs),
      dirtyTraceInsertMany(transaction, tenantId, dirty),
    ])
    return dirty.length > 0
  }

  // Its first statement locks all traces, so that the look for tombstones may be sent before its second.
  const traces = refreshTraces(transaction, tenantId, runs, folded)
  if (roots.length === 0 && folded.run_item.length === 0 && folded.feedback.length === 0) {
    const [, isDirty] = await allOf([traces, finish([])])
    return isDirty
  }
  const [, others] = await allOf([
    traces,
    writeOthers(transaction, tenantId, roots, events, folded),
  ])
  return finish(others)
}

/** Writes the runs, with the costs of those that are new, and looks for runs that wait for one of them. */
async function writeRuns(
  db: Queryable,
  tenantId: string,
  rows: FoldedRow[],
  prices?: PriceRuns,
): Promise<{ written: UpsertedRun[]; orphans: { id: string }[] }> {
  if (rows.length === 0) return { written: [], orphans: [] }
  await prices?.priceNew(db, tenantId, rows)
  const ids = rows.map((row) => row.id)
  const [written, orphans] = await allOf([
    upsertMany<UpsertedRun>(db, tenantId, 'run', rows),
    runStatement<{ id: string }>(db, 'run_list_orphans', [tenantId, ids]),
  ])
  return { written, orphans }
}

/** Writes run items, also those that runs stand for, and feedback. @param roots runs that execute an example */
async function writeOthers(
  db: Queryable,
  tenantId: string,
  roots: string[],
  events: readonly IngestEvent[],
  folded: Record<EntityKind, FoldedRow[]>,
): Promise<Touched[]> {
  const links = await linksOfRuns(db, tenantId, roots)
  const sent = events.filter(({ kind }) => kind === 'run_item')
  const items = links.length === 0 ? folded.run_item : foldEvents([...sent, ...links]).run_item
  const written = await allOf([
    upsertMany<Touched>(db, tenantId, 'run_item', items),
    upsertMany<Touched>(db, tenantId, 'feedback', folded.feedback),
  ])
  return written.flat()
}

interface RunTouched {
  id: string
  traceId: string | null
}
/** A run item, or feedback. */
interface Touched extends RunTouched {
  /** Only feedback has it. */
  runId?: string | null
}
interface UpsertedRun extends RunTouched {
  /** True when it may have a cost to compute. */
  isToPrice: boolean
  /** True for a root run that names an example, which makes a run item. Null while it has no trace. */
  isExampleRoot: boolean | null
}

async function experimentLockMany(
  db: Queryable,
  tenantId: string,
  events: readonly IngestEvent[],
): Promise<void> {
  const ids = distinctIds(events.map((event) => event.patch.experimentId ?? null))
  if (ids.length > 0) await runStatement(db, 'experiment_lock_many', [tenantId, ids])
}

interface ResolvedRun {
  id: string
  traceId: string
  externalTraceId: string | null
  dottedOrder: string | null
}

/**
 * Gives runs that came with only a parent the trace of that parent, once it has one.
 * @param written runs that were just written
 * @param orphans runs that had no trace and named one of the batch as their parent
 */
async function runRefreshTraceless(
  db: Queryable,
  tenantId: string,
  written: readonly RunTouched[],
  orphans: readonly { id: string }[],
): Promise<RunTouched[]> {
  // Nearly always there are none: clients send the trace with each run.
  const waiting = distinctIds([
    ...written.filter((run) => run.traceId === null).map((run) => run.id),
    ...orphans.map((run) => run.id),
  ])
  if (waiting.length === 0) return []
  const found = await runStatement<ResolvedRun>(db, 'run_list_traceless', [tenantId, waiting])
  if (found.length === 0) return []
  return runStatement<RunTouched>(db, 'run_update_trace_many', [
    tenantId,
    found.map((run) => run.id),
    found.map((run) => run.traceId),
    found.map((run) => run.externalTraceId),
    found.map((run) => run.dottedOrder),
  ])
}
