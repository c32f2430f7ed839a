import { toEpochMicros, type Timestamp } from '../../domain/timestamp.ts'
import { versionTimeMs, type IngestEvent } from '../../domain/events.ts'
import { foldEvents, type FoldedRow } from '../../domain/fold.ts'
import type { EntityKind } from '../../domain/entities.ts'
import type { Db, Queryable } from '../pool.ts'
import { runGenerated, runStatement } from '../statements.ts'
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
 * @returns whether the tenant's aggregates are now dirty; the marks of the traces are committed with the rows
 * @throws the database's error; store/errors.ts says which pass by themselves
 */
export async function applyEvents(
  db: Db,
  tenantId: string,
  events: readonly IngestEvent[],
  prices?: PriceRuns,
): Promise<boolean> {
  let live = events
  for (;;) {
    try {
      return await db.begin(async (transaction) => applyLive(transaction, tenantId, live, prices))
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
): Promise<boolean> {
  if (events.length === 0) return false
  await experimentLockMany(transaction, tenantId, events)
  const folded = foldEvents(events)

  // Every transaction takes the tables in this order, and rows by key: no deadlocks.
  await prices?.priceNew(transaction, tenantId, folded.run)
  const written = await upsertMany<UpsertedRun>(transaction, tenantId, 'run', folded.run)
  const toPrice = written.filter((run) => run.isToPrice).map((run) => run.id)
  await prices?.priceWritten(transaction, tenantId, toPrice)
  const runs = [...written, ...(await runRefreshTraceless(transaction, tenantId, written))]
  await refreshTraces(transaction, tenantId, runs, folded)
  const roots = written.filter((run) => run.isExampleRoot).map((run) => run.id)
  const links = [
    ...events.filter((event) => event.kind === 'run_item'),
    ...(await linksOfRuns(transaction, tenantId, roots)),
  ]
  const items = foldEvents(links).run_item
  const runItems = await upsertMany<RunTouched>(transaction, tenantId, 'run_item', items)
  const feedback = await upsertMany<FeedbackTouched>(
    transaction,
    tenantId,
    'feedback',
    folded.feedback,
  )

  await refuseDeleted(transaction, tenantId, events, runs)
  const dirty = distinctIds([
    ...runs.map((run) => run.traceId ?? run.id),
    ...folded.trace.map((trace) => trace.id),
    ...runItems.map((item) => item.traceId ?? item.id),
    ...feedback.map((one) => one.traceId ?? one.runId ?? one.id),
  ])
  await dirtyTraceInsertMany(transaction, tenantId, dirty)
  return dirty.length > 0
}

/** Sorts ids and drops repeats and nulls. This is the order in which every transaction takes its locks. */
function distinctIds(ids: (string | null)[]): string[] {
  return [...new Set(ids.filter((id) => id !== null))].toSorted()
}

/**
 * Thrown when some of the events write what is deleted. The transaction is undone, and done again with the others.
 */
class DeletedError extends Error {
  override name = 'DeletedError'
  readonly live: IngestEvent[]
  constructor(live: IngestEvent[]) {
    super('some events write what is deleted')
    this.live = live
  }
}

interface RunTouched {
  id: string
  traceId: string | null
}
interface UpsertedRun extends RunTouched {
  /** True when it may have a cost to compute. */
  isToPrice: boolean
  /** True for a root run that names an example, which makes a run item. Null while it has no trace. */
  isExampleRoot: boolean | null
}
interface FeedbackTouched extends RunTouched {
  runId: string | null
}

async function experimentLockMany(
  db: Queryable,
  tenantId: string,
  events: readonly IngestEvent[],
): Promise<void> {
  const ids = distinctIds(events.map(experimentOf))
  if (ids.length > 0) await runStatement(db, 'experiment_lock_many', [tenantId, ids])
}

/**
 * Refuses events that write what was deleted (SPEC I11). Looks for tombstones after the rows are written, never
 * before: by now we hold, or have waited for, the locks of every delete that does not see our rows, so its tombstone
 * can be seen. A delete that comes later waits for us and sees our rows.
 * @throws DeletedError with the events that write nothing that was deleted, and nothing inside it
 */
async function refuseDeleted(
  db: Queryable,
  tenantId: string,
  events: readonly IngestEvent[],
  runs: RunTouched[],
): Promise<void> {
  const traces = new Map(runs.map((run) => [run.id, run.traceId]))
  const named = events.map((event): [kind: string, id: string][] => {
    // An event that does not name its trace may still write a run of it.
    const held = (event.kind === 'run' ? traces.get(event.id) : null) ?? null
    return [['tenant', tenantId], ...thingsOf(event, held)]
  })
  const things = [
    ...new Map(named.flat().map(([kind, id]) => [`${kind}/${id}`, { kind, id }])).values(),
  ]
  const deleted = await runStatement<{ kind: string; id: string; deletedAt: Timestamp }>(
    db,
    'tombstone_list_among',
    [tenantId, things.map(({ kind }) => kind), things.map(({ id }) => id)],
  )
  if (deleted.length === 0) return
  const deletedAt = new Map(deleted.map((thing) => [`${thing.kind}/${thing.id}`, thing.deletedAt]))
  const live = events.filter((event, i) =>
    named[i]!.every(([kind, id]) => {
      const at = deletedAt.get(`${kind}/${id}`)
      return at === undefined || (kind === 'feedback' && isGivenAgain(event, at))
    }),
  )
  if (live.length < events.length) throw new DeletedError(live)
}

/**
 * True for feedback that is given again after it was deleted. Clients choose the ids of feedback, and may reuse them.
 */
function isGivenAgain({ version }: IngestEvent, deletedAt: Timestamp): boolean {
  return versionTimeMs(version) >= Math.floor(toEpochMicros(deletedAt) / 1000)
}

function experimentOf(event: IngestEvent): string | null {
  return event.patch.experimentId ?? null
}

/** True for feedback on an experiment as a whole, which may outlive the experiment. */
function isExperimentScore({ kind, patch }: IngestEvent): boolean {
  return kind === 'feedback' && !patch.runId && !patch.traceId
}

/**
 * Lists what an event writes, and what that belongs to.
 * @param traceId the trace that the event's row turned out to be in
 */
function thingsOf(event: IngestEvent, traceId: string | null): [kind: string, id: string][] {
  const things: [string, string | null | undefined][] = [
    [event.kind, event.id],
    [isExperimentScore(event) ? 'experiment_score' : 'experiment', event.patch.experimentId],
    ['trace', event.kind === 'trace' ? null : event.patch.traceId],
    ['trace', traceId],
    ['run', event.kind === 'run' ? event.patch.parentRunId : null],
    [
      'comparative_experiment',
      event.kind === 'feedback' ? event.patch.comparativeExperimentId : null,
    ],
    ['run', event.kind === 'feedback' || event.kind === 'run_item' ? event.patch.runId : null],
  ]
  return things.filter((thing): thing is [string, string] => typeof thing[1] === 'string')
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
  // look-ups are planned anew: on empty tables all indexes of a tenant look alike, and a plan that was kept from then read
  // all runs of the tenant for each trace. The three are not awaited one by one, so that they travel together.
  const [, touched] = await Promise.all([
    planModeUpdate(db, 'auto'),
    runGenerated<T>(db, upsertText(kind), upsertParameters(kind, tenantId, rows.toSorted(byId))),
    planModeUpdate(db, 'force_custom_plan'),
  ])
  return touched
}

/** The order in which every transaction takes its locks. */
function byId(a: FoldedRow, b: FoldedRow): number {
  return a.id < b.id ? -1 : 1
}

async function planModeUpdate(db: Queryable, mode: 'auto' | 'force_custom_plan'): Promise<void> {
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
 * @param runs that were just written
 */
async function runRefreshTraceless(
  db: Queryable,
  tenantId: string,
  runs: RunTouched[],
): Promise<RunTouched[]> {
  const [traced, traceless] = [
    runs.filter((run) => run.traceId !== null).map((run) => run.id),
    runs.filter((run) => run.traceId === null).map((run) => run.id),
  ]
  const orphans =
    traced.length === 0
      ? []
      : await runStatement<{ id: string }>(db, 'run_list_orphans', [tenantId, traced])
  // Nearly always there are none: clients send the trace with each run.
  const waiting = [...traceless, ...orphans.map((run) => run.id)]
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
  const inserted = await traceRefreshRollups(db, tenantId, traces, spellings, false)
  await upsertMany(db, tenantId, 'trace', folded.trace)
  const isNew = new Set(inserted.filter((row) => row.runCount > 0).map((row) => row.id))
  const held = rolledUp.filter((id) => !isNew.has(id))
  if (held.length > 0) await traceRefreshRollups(db, tenantId, held, spellings, true)
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
