import sql from 'sql-template-tag'
import { distinctIds } from '../../../domain/ids.ts'
import type { Db, Queryable } from '../../pool.ts'
import { experimentsOfSql } from '../../read/experiments/stale-experiments.ts'
import { runComposed, runStatement, statementTimeoutUpdate, tenant } from '../../statements.ts'
import { traceLockExisting, traceRefreshRollups } from '../trace-rollups.ts'
import { traceAggregateRefreshSql } from './trace-aggregate-sql.ts'

/** How many traces one transaction looks at: it keeps others that refresh the tenant waiting for some 50 ms. */
const tracesAtOnce = 500
/** How many transactions a job does before it lets other tenants' jobs have a turn. */
const stepsAtOnce = 10
const experimentsAtOnce = 200
/** Up to so many executions, percentiles are exact; beyond, a histogram gives them within 1 %. */
const exactUpTo = 5000
/** A reader waits for the sums of at most so many traces; what is more is left to the workers. */
const builtForReaderUpTo = 5000

/**
 * Brings the aggregates of a tenant up to date with its marked traces, and goes on with a pass over all traces when one
 * was asked for. It does a bounded part of the work, in several transactions.
 * @param patienceMs how long each statement over marked traces may take; absent: as long as the connection allows
 * @returns false when there was nothing to do
 */
export async function aggregateRefresh(
  db: Db,
  tenantId: string,
  patienceMs?: number,
): Promise<boolean> {
  for (let step = 0; step < stepsAtOnce; step++) {
    const taken = await refreshMarked(db, tenantId, null, patienceMs)
    if (taken >= tracesAtOnce) continue
    // What has no trace was marked when the pass began, so that comes first.
    if (await passStep(db, tenantId)) return step > 0 || taken > 0
  }
  return true
}

/**
 * Refreshes those of these experiments that marked traces may have changed, so that the reader sees every applied
 * event. What else has changed in the tenant is left to the workers.
 * @param options.buildUpTo how many traces it looks at for experiments that a pass has not come to
 * @param options.isWanted it ends, with some marks left, when this says so between two transactions
 */
export async function experimentAggregateRefreshDirty(
  db: Db,
  tenantId: string,
  experimentIds: string[],
  {
    buildUpTo = builtForReaderUpTo,
    isWanted = () => true,
  }: { buildUpTo?: number; isWanted?: () => boolean } = {},
): Promise<void> {
  if (experimentIds.length === 0 || !isWanted()) return
  await buildUnbuilt(db, tenantId, experimentIds, buildUpTo)
  if ((await runStatement(db, 'dirty_trace_find', [tenantId])).length === 0) return
  // To find out which marks matter takes as long as to take some hundreds of them.
  if ((await refreshMarked(db, tenantId, null)) < tracesAtOnce) return
  const statement = sql`
-- name: dirty_trace_list_among
-- The marks of traces that may count in some experiments. Reads only.
select mark.id
from dirty_traces as mark
where mark.tenant_id = ${tenant} and exists (
  select from unnest(mark.trace_ids) as marked (id)
  cross join lateral ${experimentsOfSql(sql`marked.id`)} as touched
  where touched.experiment_id = any (${experimentIds}::uuid[])
)
order by mark.id`
  const marks = await runComposed<{ id: number }>(db, tenantId, statement)
  const ids = marks.map((mark) => mark.id)
  // Marks are deleted in groups of bounded size: what is not taken at first is asked for again.
  for (let left = ids; left.length > 0 && isWanted(); ) {
    const taken = await refreshMarked(db, tenantId, left)
    left = taken >= tracesAtOnce ? left : []
  }
}

/**
 * Computes the aggregates of an experiment from nothing but its rows. They are the same, to the byte, as those that
 * were kept up to date (SPEC I10).
 */
export async function experimentAggregateRebuild(
  db: Db,
  tenantId: string,
  experimentId: string,
): Promise<void> {
  await db.begin(async (transaction) => {
    await aggregateLock(transaction, tenantId)
    await runStatement(transaction, 'trace_aggregate_delete_of_experiment', [
      tenantId,
      experimentId,
    ])
    await build(transaction, tenantId, experimentId, null)
  })
}

/** Lists tenants whose aggregates are not up to date. */
export async function dirtyTraceListTenants(db: Db, limit: number): Promise<string[]> {
  const rows = await runStatement<{ tenantId: string }>(db, 'dirty_trace_list_tenants', [limit])
  return rows.map((row) => row.tenantId)
}

/** Lets one transaction at a time refresh the tenant's aggregates: two would both add the same difference. */
export async function aggregateLock(transaction: Queryable, tenantId: string): Promise<void> {
  await runStatement(transaction, 'aggregate_lock', [tenantId])
}

/**
 * Takes marks and refreshes what their traces add. A mark that is committed meanwhile stays for the next time.
 * @param marks only these; null: the oldest
 * @returns the number of traces
 */
async function refreshMarked(
  db: Db,
  tenantId: string,
  marks: number[] | null,
  patienceMs?: number,
): Promise<number> {
  return db.begin(async (transaction) => {
    // They travel together.
    await Promise.all([
      patienceMs !== undefined && statementTimeoutUpdate(transaction, patienceMs),
      aggregateLock(transaction, tenantId),
    ])
    // A statement of its own, so that the next one sees the rows of every mark that was taken.
    const taken = await runStatement<{ traceIds: string[]; isLeft: boolean }>(
      transaction,
      'dirty_trace_delete',
      [tenantId, marks, tracesAtOnce],
    )
    if (taken.length === 0) return 0
    const left = taken.filter((mark) => mark.isLeft).flatMap((mark) => mark.traceIds)
    if (left.length > 0) await refreshLeftTraces(transaction, tenantId, left)
    const ids = taken.flatMap((mark) => mark.traceIds)
    await refreshTraces(transaction, tenantId, ids)
    return ids.length
  })
}

/** An experiment whose sums may have changed. */
interface ChangedExperiment {
  experimentId: string
  /** Which executions there are has changed, or a time of one. */
  isRetimed: boolean
  /** Sums that are zero now. */
  emptyIds: string[]
}

async function refreshTraces(
  transaction: Queryable,
  tenantId: string,
  traceIds: string[],
): Promise<void> {
  const statement = traceAggregateRefreshSql([...new Set(traceIds)])
  const changed = await runComposed<ChangedExperiment>(transaction, tenantId, statement)
  if (changed.length === 0) return
  const empty = changed.flatMap(({ experimentId, emptyIds }) =>
    emptyIds.map((id) => ({ experimentId, id })),
  )
  if (empty.length > 0) {
    await runStatement(transaction, 'experiment_sum_delete_empty', [
      tenantId,
      empty.map(({ experimentId }) => experimentId),
      empty.map(({ id }) => id),
    ])
  }
  const ids = changed.map(({ experimentId }) => experimentId)
  const retimed = changed.filter(({ isRetimed }) => isRetimed)
  await experimentAggregateUpsert(transaction, tenantId, ids, {
    retimedIds: retimed.map(({ experimentId }) => experimentId),
  })
}

/**
 * @param options.isComplete the sums of the experiments are known to be complete
 * @param options.retimedIds the other experiments keep their percentiles, unless they have none yet
 */
async function experimentAggregateUpsert(
  db: Queryable,
  tenantId: string,
  experimentIds: string[],
  {
    isComplete = false,
    retimedIds = experimentIds,
  }: { isComplete?: boolean; retimedIds?: string[] } = {},
): Promise<void> {
  await runStatement(db, 'experiment_aggregate_upsert', [
    tenantId,
    experimentIds,
    isComplete,
    exactUpTo,
    retimedIds,
  ])
}

/** Publishes those of these experiments that never were, as far as a reader can wait for it. */
async function buildUnbuilt(
  db: Db,
  tenantId: string,
  experimentIds: string[],
  upTo: number,
): Promise<void> {
  const unbuilt = await runStatement<{ id: string }>(db, 'experiment_aggregate_list_unbuilt', [
    tenantId,
    experimentIds,
  ])
  if (unbuilt.length === 0) return
  if ((await aggregatePassFind(db, tenantId)) === null) {
    // Their sums are complete.
    const ids = unbuilt.map(({ id }) => id)
    await db.begin(async (transaction) => {
      await aggregateLock(transaction, tenantId)
      await experimentAggregateUpsert(transaction, tenantId, ids)
    })
    return
  }
  let left = upTo
  for (const { id } of unbuilt) {
    left -= await db.begin(async (transaction) => build(transaction, tenantId, id, left))
    if (left === 0) return
  }
}

/**
 * Looks at every trace of an experiment, and then publishes its sums.
 * @param limit an experiment with more traces is left as it is; null: none is
 * @returns the number of traces
 */
async function build(
  transaction: Queryable,
  tenantId: string,
  experimentId: string,
  limit: number | null,
): Promise<number> {
  await aggregateLock(transaction, tenantId)
  const asked = await runStatement<{ id: string }>(transaction, 'trace_aggregate_list_asked', [
    tenantId,
    experimentId,
    limit === null ? null : limit + 1,
  ])
  if (limit !== null && asked.length > limit) return 0
  for (let i = 0; i < asked.length; i += tracesAtOnce) {
    const page = asked.slice(i, i + tracesAtOnce)
    await refreshTraces(
      transaction,
      tenantId,
      page.map(({ id }) => id),
    )
  }
  await experimentAggregateUpsert(transaction, tenantId, [experimentId], { isComplete: true })
  return asked.length
}

interface Pass {
  id: number
  isBegun: boolean
  lastTraceId: string | null
}

/**
 * Looks at the next traces of the tenant's pass, each page in a transaction of its own.
 * @returns true when there is no pass, or it is done now
 */
async function passStep(db: Db, tenantId: string): Promise<boolean> {
  const next = await aggregatePassFind(db, tenantId)
  if (next === null) return true
  if (!next.isBegun) {
    // Without the lock, because it may take long.
    await runStatement(db, 'aggregate_pass_update_begun', [tenantId, next.id])
    return false
  }
  const pass = await db.begin(async (transaction): Promise<Pass | null> => {
    await aggregateLock(transaction, tenantId)
    const found = await aggregatePassFind(transaction, tenantId)
    if (found === null || !found.isBegun) return found
    const page = await runStatement<{ id: string }>(transaction, 'trace_list_by_id', [
      tenantId,
      found.lastTraceId,
      tracesAtOnce,
    ])
    const ids = page.map(({ id }) => id)
    if (ids.length === 0) return { ...found, lastTraceId: null }
    await refreshTraces(transaction, tenantId, ids)
    const lastTraceId = ids.at(-1)!
    await aggregatePassUpdate(transaction, tenantId, found.id, lastTraceId)
    return { ...found, lastTraceId }
  })
  if (pass === null) return true
  if (!pass.isBegun || pass.lastTraceId !== null) return false
  await publishAll(db, tenantId)
  await aggregatePassUpdate(db, tenantId, pass.id, null)
  return false
}

async function aggregatePassFind(db: Queryable, tenantId: string): Promise<Pass | null> {
  const [found] = await runStatement<Pass>(db, 'aggregate_pass_find', [tenantId])
  return found ?? null
}

async function aggregatePassUpdate(
  db: Queryable,
  tenantId: string,
  passId: number,
  lastTraceId: string | null,
): Promise<void> {
  await runStatement(db, 'aggregate_pass_update', [tenantId, passId, lastTraceId])
}

async function publishAll(db: Db, tenantId: string): Promise<void> {
  for (let last: string | null = null; ; ) {
    const page: { id: string }[] = await runStatement(db, 'experiment_aggregate_list_page', [
      tenantId,
      last,
      experimentsAtOnce,
    ])
    const ids = page.map(({ id }) => id)
    await db.begin(async (transaction) => {
      await aggregateLock(transaction, tenantId)
      await experimentAggregateUpsert(transaction, tenantId, ids, { isComplete: true })
    })
    if (page.length < experimentsAtOnce) return
    last = ids.at(-1)!
  }
}

/** Recomputes the roll-ups of traces that runs have left. Those that are deleted stay so. */
async function refreshLeftTraces(
  db: Queryable,
  tenantId: string,
  traceIds: readonly string[],
): Promise<void> {
  const held = await traceLockExisting(db, tenantId, distinctIds([...traceIds]))
  if (held.length > 0) await traceRefreshRollups(db, tenantId, held, new Map(), true)
}
