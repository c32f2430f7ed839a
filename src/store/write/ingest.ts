import type { IngestEvent } from '../../domain/events.ts'
import { foldEvents, type FoldedRow } from '../../domain/fold.ts'
import type { EntityKind } from '../../domain/entities.ts'
import type { Db, Queryable } from '../pool.ts'
import { runGenerated, runStatement, sentForm, statementTimeoutUpdate } from '../statements.ts'
import { DeletedError, refuseDeleted } from './deleted.ts'
import { dirtyTraceInsertMany } from './dirty-traces.ts'
import { linksOfRuns } from './run-links.ts'
import { traceLockExisting, traceRefreshRollups } from './trace-rollups.ts'
import { upsertParameters, upsertText } from './upsert-sql.ts'

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

/**
 * Like Promise.all, but fails only when all have ended: nothing may be sent for a transaction that was rolled back
 * meanwhile.
 */
async function allOf<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** Sorts ids and drops repeats and nulls. This is the order in which every transaction takes its locks. */
function distinctIds(ids: (string | null)[]): string[] {
  return [...new Set(ids.filter((id) => id !== null))].toSorted()
}

/** Sorts rows, of which no two have one id, in the same order. */
function sortedById(rows: FoldedRow[]): FoldedRow[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
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

async function upsertMany<T extends { id: string }>(
  db: Queryable,
  tenantId: string,
  kind: EntityKind,
  rows: FoldedRow[],
): Promise<T[]> {
  if (rows.length === 0) return []
  // Planning an upsert takes longer than running it on a few rows, and it always finds a row by the key, so its plan
  // may be kept: Postgres does so from the sixth time on, and an engine that needs the tenant to plan does not. The
  // look-ups are planned anew while their tables are small: on empty tables all indexes of a tenant look alike. Later, they keep
  // a plan: each of their keys is looked up by itself, however many there are. The three travel together.
  const [, touched] = await allOf([
    planModeUpdate(db, 'auto'),
    runGenerated<T>(db, upsertText(kind), upsertParameters(kind, tenantId, sortedById(rows))),
    planModeUpdate(db, lookUpMode()),
  ])
  return touched
}

function lookUpMode(): PlanMode {
  return sentForm().keepsPlans ? 'force_generic_plan' : 'force_custom_plan'
}

type PlanMode = 'auto' | 'force_generic_plan' | 'force_custom_plan'

async function planModeUpdate(db: Queryable, mode: PlanMode): Promise<void> {
  await runStatement(db, 'plan_mode_update', [mode])
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

/**
 * Locks all traces in one order, then writes them. Roll-ups are computed from what every worker has committed. A trace
 * that nobody has is written once, with its roll-ups: its runs are all ours, because whoever commits runs commits their
 * trace with them.
 */
async function refreshTraces(
  db: Queryable,
  tenantId: string,
  runs: readonly RunTouched[],
  folded: Record<EntityKind, FoldedRow[]>,
): Promise<void> {
  const rolledUp = distinctIds(runs.map((run) => run.traceId))
  const traces = distinctIds([...rolledUp, ...folded.trace.map((trace) => trace.id)])
  if (traces.length === 0) return
  const spellings = new Map(
    folded.run.map((row) => [row.values.get('traceId'), row.values.get('externalTraceId') ?? null]),
  )
  const [inserted] = await allOf([
    traceRefreshRollups(db, tenantId, traces, spellings, false),
    upsertMany(db, tenantId, 'trace', folded.trace),
  ])
  const isNew = new Set(inserted.filter((row) => row.runCount > 0).map((row) => row.id))
  const held = rolledUp.filter((id) => !isNew.has(id))
  if (held.length === 0) return
  await allOf([
    planModeUpdate(db, lookUpMode()),
    traceRefreshRollups(db, tenantId, held, spellings, true),
  ])
}

/** Recomputes the roll-ups of traces that runs have left. Those that are deleted stay so. */
export async function refreshLeftTraces(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
): Promise<void> {
  const held = await traceLockExisting(db, tenantId, distinctIds([...traceIds]))
  if (held.length > 0) await traceRefreshRollups(db, tenantId, held, new Map(), true)
}

/**
 * Refreshes what is derived from runs that got other costs: the roll-ups of their traces, and dirty marks.
 * @param runs the transaction has locked their rows
 */
export async function refreshRepriced(
  db: Queryable,
  tenantId: string,
  runs: readonly RunTouched[],
): Promise<void> {
  await refreshTraces(db, tenantId, runs, foldEvents([]))
  await dirtyTraceInsertMany(db, tenantId, distinctIds(runs.map((run) => run.traceId)))
}
