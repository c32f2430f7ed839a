import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { anyTenant, tenant } from '../../statements.ts'
import { runFilterSql, storedTraceIds, storedTracesSql, type FeedbackWindow } from './run-filter.ts'

/** Which runs to read. An absent condition lets everything through; an empty list lets nothing through. */
export interface RunQuery {
  tenantId: string
  ids?: string[] | undefined
  /** Runs of any of these experiments. */
  experimentIds?: string[] | undefined
  /** Runs of experiments on this dataset. */
  datasetId?: string | undefined
  traceId?: string | undefined
  traceIds?: string[] | undefined
  parentRunId?: string | undefined
  exampleIds?: string[] | undefined
  runTypes?: { are: 'among' | 'outside'; types: readonly string[] } | undefined
  isRoot?: boolean | undefined
  /** The run belongs to a thread. */
  hasThread?: true | undefined
  threadIds?: string[] | undefined
  /** The run's thread has, within the bounds of the start time, at least one such root run for each of these. */
  threadHas?: readonly ThreadTurnFilter[] | undefined
  hasError?: boolean | undefined
  /** The bounds of the start time, both inclusive. */
  minStartTime?: Timestamp | undefined
  maxStartTime?: Timestamp | undefined
  /** An exclusive upper bound of the start time. */
  beforeStartTime?: Timestamp | undefined
  /** Of all filters, conditions on feedback are only about feedback that was changed in this time. */
  feedbackWindow?: FeedbackWindow | undefined
  /** Conditions on the run itself. All of them must hold. */
  filters?: readonly Filter[] | undefined
  /** A condition on the root run of its trace. */
  traceFilter?: Filter | undefined
  /** A condition that some run of its trace must meet. */
  treeFilter?: Filter | undefined
}

/** A condition on a root run, or one that some run of its trace must meet. */
export type ThreadTurnFilter = { of: 'root' | 'tree'; filter: Filter }

/** The position of a run in the order: everything that is needed to continue after it. */
export interface RunKey {
  id: string
  startTime: Timestamp
}

export interface RunPlace {
  order: 'asc' | 'desc'
  /** null: from the start. */
  after: RunKey | null
  limit: number
}

/**
 * The body of a CTE: ids and start times of one page of runs, in order. `desc` is newest first, with ties broken by id;
 * `asc` is its exact reverse, so that one index serves both.
 *
 * Each experiment is read separately, as far as the page needs it: its index gives the order, whatever the planner
 * knows of the table. An experiment that has no runs of its own shows those of the traces that it links: Langfuse's SDKs
 * link traces, which stay in the project that they were sent to. All of these are looked at for every page. A run that several
 * of the experiments have comes once.
 */
export function runPageSql(query: RunQuery, place: RunPlace): Sql {
  const [time, id] = runOrderSql(place)
  const where = join([...runConditions(query), ...afterConditions(place)], '\n      and ')
  if (query.experimentIds === undefined && query.traceId !== undefined) {
    // The runs of one trace are found by it, whatever the planner knows of the tenant.
    return sql`select run.id, run.start_time
    from ${storedTracesSql([query.traceId])} as asked
    cross join lateral (
      select * from runs
      where runs.tenant_id = ${anyTenant} and runs.trace_id = asked.id
      offset 0
    ) as run
    cross join lateral (
      select experiments.dataset_id from experiments
      where experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
      offset 0
    ) as experiments
    where ${where}${datasetCondition(query)}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit}`
  }
  if (query.experimentIds === undefined) {
    return sql`select run.id, run.start_time
    from runs as run
    join experiments on experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
    where run.tenant_id = ${tenant} and ${where}${datasetCondition(query)}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit}`
  }
  return sql`select distinct candidate.id, candidate.start_time
  from unnest(${[...new Set(query.experimentIds)]}::uuid[]) as asked (id)
  join experiments on experiments.tenant_id = ${tenant} and experiments.id = asked.id${datasetCondition(query)}
  cross join lateral (
    (select run.id, run.start_time
    from runs as run
    where run.tenant_id = ${tenant} and run.experiment_id = asked.id and ${where}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit})
    union all
    (select run.id, run.start_time
    from (
      select distinct item.trace_id from run_items as item
      where item.tenant_id = ${tenant} and item.experiment_id = asked.id and item.trace_id is not null
    ) as linked
    cross join lateral (
      select run.id, run.start_time from runs as run
      join experiments as home on home.tenant_id = ${tenant} and home.id = run.experiment_id
      where run.tenant_id = ${anyTenant} and run.trace_id = linked.trace_id and ${where} offset 0
    ) as run
    where ${hasNoRunsSql}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit})
  ) as candidate
  order by candidate.start_time ${time}, candidate.id ${id}
  limit ${place.limit}`
}

/**
 * True for an asked experiment without runs of its own. A number, so that it is known before any trace is looked at; in
 * order, so that it is looked for in the index.
 */
const hasNoRunsSql = sql`(
      select count(*) from (
        select from runs as own where own.tenant_id = ${tenant} and own.experiment_id = asked.id
        order by own.start_time desc, own.id
        limit 1
      ) as any_run
    ) = 0`

/** The directions in which the start time and the id are sorted. */
export function runOrderSql({ order }: RunPlace): [time: Sql, id: Sql] {
  return order === 'desc' ? [raw('desc'), raw('asc')] : [raw('asc'), raw('desc')]
}

/** All runs of a query, unordered: the text after `from`, up to the end of the `where`. */
export function runSourceSql(query: RunQuery): Sql {
  const among =
    query.experimentIds === undefined
      ? []
      : [sql`run.experiment_id = any(${[...new Set(query.experimentIds)]}::uuid[])`]
  const where = join([...among, ...runConditions(query)], '\n  and ')
  return sql`runs as run
join experiments on experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
left join traces as trace on trace.tenant_id = ${tenant} and trace.id = run.trace_id
where run.tenant_id = ${tenant} and ${where}${datasetCondition(query)}`
}

function datasetCondition({ datasetId }: RunQuery): Sql {
  return datasetId === undefined ? empty : sql`\n  and experiments.dataset_id = ${datasetId}::uuid`
}

/** True for the top run of a trace. A run that still waits for its parent is not one. */
export const isRootSql = sql`(run.parent_run_id is null and run.trace_id is not null)`

/** The conditions on a run, on alias `run`, apart from the query's experiments and dataset. */
export function runConditions(query: RunQuery): Sql[] {
  // A run without a start time is a fragment: an update whose create has not arrived.
  const conditions = [sql`run.start_time is not null`]
  const add = (condition: Sql) => conditions.push(condition)
  if (query.ids !== undefined) add(sql`run.id = any(${query.ids}::uuid[])`)
  if (query.traceId !== undefined) add(sql`run.trace_id = any(${storedTraceIds([query.traceId])})`)
  if (query.traceIds !== undefined) add(sql`run.trace_id = any(${storedTraceIds(query.traceIds)})`)
  if (query.parentRunId !== undefined) {
    // Children are looked for in the trace of their parent, so no index on the parent is needed.
    add(sql`run.parent_run_id = ${query.parentRunId}::uuid
        and run.trace_id = (select trace_id from runs where tenant_id = ${anyTenant} and id = ${query.parentRunId}::uuid)`)
  }
  if (query.exampleIds !== undefined) {
    add(sql`run.reference_example_id = any(${query.exampleIds}::uuid[])`)
  }
  if (query.runTypes !== undefined) {
    const { are, types } = query.runTypes
    const isAmong = sql`run.run_type = any(${[...types]}::text[])`
    add(are === 'among' ? isAmong : sql`(${isAmong}) is not true`)
  }
  // Spelled out exactly as in the partial indexes.
  if (query.isRoot === true) add(sql`run.parent_run_id is null and run.trace_id is not null`)
  if (query.isRoot === false) add(sql`not ${isRootSql}`)
  if (query.hasThread === true) add(sql`run.thread_id is not null`)
  if (query.threadIds !== undefined) add(threadSql(query.threadIds))
  if (query.hasError !== undefined) {
    add(query.hasError ? sql`run.status = 'error'` : sql`run.status <> 'error'`)
  }
  for (const bound of startConditions(query, 'run')) add(bound)
  for (const filter of query.filters ?? []) {
    add(sql`(${runFilterSql(filter, 'run', query.feedbackWindow)})`)
  }
  if (query.traceFilter !== undefined) {
    add(sql`exists (
        select from traces as root_trace
        join runs as root on root.tenant_id = ${tenant} and root.id = root_trace.root_run_id
        where root_trace.tenant_id = ${tenant} and root_trace.id = run.trace_id
          and ${runFilterSql(query.traceFilter, 'root', query.feedbackWindow)}
      )`)
  }
  if (query.treeFilter !== undefined) {
    add(treeSql(query.treeFilter, 'run', query.feedbackWindow))
  }
  for (const condition of query.threadHas ?? []) add(threadHasSql(condition, query))
  return conditions
}

/** The bounds of the start time of the run on an alias. */
function startConditions(
  { minStartTime, maxStartTime, beforeStartTime }: RunQuery,
  alias: string,
): Sql[] {
  const startTime = sql`${raw(alias)}.start_time`
  const bounds: Sql[] = []
  const add = (operator: string, time: Timestamp | undefined) => {
    if (time !== undefined)
      bounds.push(sql`${startTime} ${raw(operator)} ${time}::text::timestamptz`)
  }
  add('>=', minStartTime)
  add('<=', maxStartTime)
  add('<', beforeStartTime)
  return bounds
}

/** Some run in the trace of the run on an alias meets a filter. */
function treeSql(filter: Filter, alias: string, window: FeedbackWindow | undefined): Sql {
  return sql`exists (
        select from runs as relative
        where relative.tenant_id = ${tenant} and relative.trace_id = ${raw(alias)}.trace_id
          and ${runFilterSql(filter, 'relative', window)}
      )`
}

/** One thread is compared by `=`, so that the index on threads gives its turns in order. */
function threadSql(ids: string[]): Sql {
  return ids.length === 1
    ? sql`run.thread_id = ${ids[0]!}::text`
    : sql`run.thread_id = any(${ids}::text[])`
}

function threadHasSql({ of, filter }: ThreadTurnFilter, query: RunQuery): Sql {
  const isMet =
    of === 'root'
      ? runFilterSql(filter, 'turn', query.feedbackWindow)
      : treeSql(filter, 'turn', query.feedbackWindow)
  const bounds = join([sql`true`, ...startConditions(query, 'turn')], ' and ')
  return sql`exists (
        select from runs as turn
        where turn.tenant_id = ${tenant} and turn.experiment_id = run.experiment_id and turn.thread_id = run.thread_id
          and turn.parent_run_id is null and turn.trace_id is not null and ${bounds} and ${isMet}
      )`
}

/** Everything after the key. The additional plain bound on the time lets the scan of the index start there. */
function afterConditions({ order, after }: RunPlace): Sql[] {
  if (after === null) return []
  const id = sql`${after.id}::uuid`
  const time = sql`${after.startTime}::text::timestamptz`
  return order === 'desc'
    ? [sql`run.start_time <= ${time}`, sql`(run.start_time < ${time} or run.id > ${id})`]
    : [sql`run.start_time >= ${time}`, sql`(run.start_time > ${time} or run.id < ${id})`]
}
