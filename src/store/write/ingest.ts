import { toEpochMicros, type Timestamp } from '../../domain/timestamp.ts'
import { versionTimeMs, type IngestEvent } from '../../domain/events.ts'
import { foldEvents, type FoldedRow } from '../../domain/fold.ts'
import type { EntityKind } from '../../domain/entities.ts'
import type { Db, Queryable } from '../pool.ts'
import { byKey, columnsOf, distinctKeys, keyOf, type RowKey } from '../row-keys.ts'
import { runGenerated, runStatement } from '../statements.ts'
import { dirtyTraceInsertMany } from './dirty-traces.ts'
import { linksOfRuns } from './run-links.ts'
import { traceLockExisting, traceRefreshRollups } from './trace-rollups.ts'
import { upsertParameters, upsertText } from './upsert-sql.ts'

export interface TenantEvent {
  tenantId: string
  event: IngestEvent
}

/** Computes the costs of runs (SPEC I14): of new ones before their rows are written, and of the others then. */
export interface PriceRuns {
  priceNew(db: Queryable, rows: readonly FoldedRow[]): Promise<void>
  price(db: Queryable, runs: readonly WrittenRun[]): Promise<unknown>
}

/**
 * Applies events in one transaction: all of them or none. The tables end the same, however often and in whatever
 * order the events are applied, and however they are split into calls (SPEC I2, I3). What was deleted stays deleted.
 * @param prices absent: costs are only those that were sent
 * @returns the tenants whose aggregates are now dirty; the marks of their traces are committed with the rows
 * @throws the database's error; store/errors.ts says which pass by themselves
 */
export async function applyEvents(
  db: Db,
  events: TenantEvent[],
  prices?: PriceRuns,
): Promise<string[]> {
  let live = events
  for (;;) {
    try {
      return await db.begin(async (transaction) => applyLive(transaction, live, prices))
    } catch (error) {
      if (!(error instanceof DeletedError)) throw error
      // Each round drops at least one event.
      live = error.live
    }
  }
}

async function applyLive(
  transaction: Queryable,
  events: TenantEvent[],
  prices?: PriceRuns,
): Promise<string[]> {
  if (events.length === 0) return []
  await experimentLockMany(transaction, events)
  const folded = foldEvents(events)

  // Every transaction takes the tables in this order, and rows by key: no deadlocks.
  await prices?.priceNew(transaction, folded.run)
  const written = await upsertMany<UpsertedRun>(transaction, 'run', folded.run)
  await prices?.price(transaction, written)
  const runs = [...written, ...(await runRefreshTraceless(transaction, written))]
  await refreshTraces(transaction, runs, folded)
  const links = [
    ...events.filter(({ event }) => event.kind === 'run_item'),
    ...(await linksOfRuns(transaction, columnsOf(written.filter((run) => run.isExampleRoot)))),
  ]
  const runItems = await upsertMany<RunTouched>(transaction, 'run_item', foldEvents(links).run_item)
  const feedback = await upsertMany<FeedbackTouched>(transaction, 'feedback', folded.feedback)

  await refuseDeleted(transaction, events, runs)
  return markDirty(transaction, [
    ...runs.map((run) => ({ tenantId: run.tenantId, id: run.traceId ?? run.id })),
    ...folded.trace,
    ...runItems.map((item) => ({ tenantId: item.tenantId, id: item.traceId ?? item.id })),
    ...feedback.map((one) => ({
      tenantId: one.tenantId,
      id: one.traceId ?? one.runId ?? one.id,
    })),
  ])
}

/**
 * Thrown when some of the events write what is deleted. The transaction is undone, and done again with the others.
 */
class DeletedError extends Error {
  override name = 'DeletedError'
  readonly live: TenantEvent[]
  constructor(live: TenantEvent[]) {
    super('some events write what is deleted')
    this.live = live
  }
}

interface RunTouched extends RowKey {
  traceId: string | null
}
export interface WrittenRun extends RunTouched {
  /** What its cost depends on; null when there is none to compute. */
  toPrice: string | null
}
interface UpsertedRun extends WrittenRun {
  /** True for a root run that names an example, which makes a run item. Null while it has no trace. */
  isExampleRoot: boolean | null
}
interface FeedbackTouched extends RunTouched {
  runId: string | null
}

async function experimentLockMany(db: Queryable, events: TenantEvent[]): Promise<void> {
  const keys = distinctKeys(
    events.map(({ tenantId, event }) => ({ tenantId, id: experimentOf(event) })),
  )
  if (keys.length > 0) await runStatement(db, 'experiment_lock_many', columnsOf(keys))
}

/**
 * Refuses events that write what was deleted (SPEC I11). Looks for tombstones after the rows are written, never
 * before: by now we hold, or have waited for, the locks of every delete that does not see our rows, so its tombstone
 * can be seen. A delete that comes later waits for us and sees our rows.
 * @throws DeletedError with the events that write nothing that was deleted, and nothing inside it
 */
async function refuseDeleted(
  db: Queryable,
  events: TenantEvent[],
  runs: RunTouched[],
): Promise<void> {
  const traces = new Map(runs.map((run) => [`${run.tenantId}/${run.id}`, run.traceId]))
  const named = events.map(({ tenantId, event }) => {
    // An event that does not name its trace may still write a run of it.
    const held = event.kind === 'run' ? traces.get(`${tenantId}/${event.id}`) : null
    return [
      { tenantId, kind: 'tenant', id: tenantId },
      ...thingsOf(event, held ?? null).map(([kind, id]) => ({ tenantId, kind, id })),
    ]
  })
  const things = [
    ...new Map(
      named.flat().map((thing) => [`${thing.tenantId}/${thing.kind}/${thing.id}`, thing]),
    ).values(),
  ]
  const deleted = await runStatement<{
    tenantId: string
    kind: string
    id: string
    deletedAt: Timestamp
  }>(db, 'tombstone_list_among', [
    things.map((thing) => thing.tenantId),
    things.map((thing) => thing.kind),
    things.map((thing) => thing.id),
  ])
  if (deleted.length === 0) return
  const deletedAt = new Map(
    deleted.map((thing) => [`${thing.tenantId}/${thing.kind}/${thing.id}`, thing.deletedAt]),
  )
  const live = events.filter(({ event }, i) =>
    named[i]!.every(({ tenantId, kind, id }) => {
      const at = deletedAt.get(`${tenantId}/${kind}/${id}`)
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

async function upsertMany<T extends RowKey>(
  db: Queryable,
  kind: EntityKind,
  rows: FoldedRow[],
): Promise<T[]> {
  if (rows.length === 0) return []
  // Planning an upsert takes longer than running it on a few rows, and it always finds a row by the key, so its plan
  // is kept. The look-ups are planned anew: on empty tables all indexes of a tenant look alike, and a plan that was
  // kept from then read all runs of the tenant for each trace. The three are not awaited one by one, so that they
  // travel together.
  const [, touched] = await Promise.all([
    planModeUpdate(db, 'force_generic_plan'),
    runGenerated<T>(db, upsertText(kind), upsertParameters(kind, rows.toSorted(byKey))),
    planModeUpdate(db, 'force_custom_plan'),
  ])
  return touched
}

async function planModeUpdate(
  db: Queryable,
  mode: 'force_generic_plan' | 'force_custom_plan',
): Promise<void> {
  await runStatement(db, 'plan_mode_update', [mode])
}

interface ResolvedRun extends RowKey {
  traceId: string
  externalTraceId: string | null
  dottedOrder: string | null
}

/**
 * Gives runs that came with only a parent the trace of that parent, once it has one.
 * @param runs that were just written
 */
async function runRefreshTraceless(db: Queryable, runs: RunTouched[]): Promise<RunTouched[]> {
  const [traced, traceless] = [
    runs.filter((run) => run.traceId !== null),
    runs.filter((run) => run.traceId === null),
  ]
  const orphans =
    traced.length === 0 ? [] : await runStatement<RowKey>(db, 'run_list_orphans', columnsOf(traced))
  // Nearly always there are none: clients send the trace with each run.
  const waiting = [...traceless, ...orphans]
  if (waiting.length === 0) return []
  const found = await runStatement<ResolvedRun>(db, 'run_list_traceless', columnsOf(waiting))
  if (found.length === 0) return []
  return runStatement<RunTouched>(db, 'run_update_trace_many', [
    ...columnsOf(found),
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
  runs: RunTouched[],
  folded: Record<EntityKind, FoldedRow[]>,
): Promise<void> {
  const rolledUp = distinctKeys(runs.map((run) => ({ tenantId: run.tenantId, id: run.traceId })))
  const traces = distinctKeys([...rolledUp, ...folded.trace])
  if (traces.length === 0) return
  const spellings = new Map(
    folded.run.map((row) => [row.values.get('traceId'), row.values.get('externalTraceId') ?? null]),
  )
  const inserted = await traceRefreshRollups(db, traces, spellings, false)
  await upsertMany(db, 'trace', folded.trace)
  const isNew = new Set(inserted.filter((row) => row.runCount > 0).map(keyOf))
  const held = rolledUp.filter((trace) => !isNew.has(keyOf(trace)))
  if (held.length > 0) await traceRefreshRollups(db, held, spellings, true)
}

/** Recomputes the roll-ups of traces that runs have left. Those that are deleted stay so. */
export async function refreshLeftTraces(db: Queryable, traces: RowKey[]): Promise<void> {
  const held = await traceLockExisting(db, distinctKeys(traces))
  if (held.length > 0) await traceRefreshRollups(db, held, new Map(), true)
}

/**
 * Refreshes what is derived from runs that got other costs: the roll-ups of their traces, and dirty marks.
 * @param runs the transaction has locked their rows
 */
export async function refreshRepriced(db: Queryable, runs: readonly WrittenRun[]): Promise<void> {
  await refreshTraces(db, [...runs], foldEvents([]))
  await markDirty(
    db,
    runs.map((run) => ({ tenantId: run.tenantId, id: run.traceId })),
  )
}

/** @returns their tenants */
async function markDirty(
  db: Queryable,
  traces: { tenantId: string; id: string | null }[],
): Promise<string[]> {
  const keys = distinctKeys(traces)
  await dirtyTraceInsertMany(db, keys)
  return [...new Set(keys.map((key) => key.tenantId))]
}
