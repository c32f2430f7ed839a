import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { tenant } from '../../statements.ts'
import { runFilterSql } from './run-filter.ts'

/** Which runs are meant. An absent condition lets everything through; an empty list lets nothing through. */
export interface RunQuery {
  tenantId: string
  ids?: string[] | undefined
  /** Runs of any of these experiments. */
  experimentIds?: string[] | undefined
  /** Runs of experiments on this dataset. */
  datasetId?: string | undefined
  traceId?: string | undefined
  parentRunId?: string | undefined
  exampleIds?: string[] | undefined
  /** The run's dotted order is this one or below it. */
  underDottedOrder?: string | undefined
  runTypes?: { are: 'among' | 'outside'; types: readonly string[] } | undefined
  isRoot?: boolean | undefined
  /** It belongs to a thread. */
  hasThread?: true | undefined
  hasError?: boolean | undefined
  /** Bounds of the start time, both inclusive. */
  minStartTime?: Timestamp | undefined
  maxStartTime?: Timestamp | undefined
  /** On the run itself, each of them. */
  filters?: readonly Filter[] | undefined
  /** On the root run of its trace. */
  traceFilter?: Filter | undefined
  /** On any run of its trace. */
  treeFilter?: Filter | undefined
}

/** A run's place in the order: all that is needed to go on behind it. */
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
 * Ids and start times of one page of runs, in order: the body of a CTE. `desc` is newest first, ties by id; `asc` is its
 * exact reverse, so that one index serves both.
 *
 * Each experiment is read on its own, as far as the page needs: its index gives the order, whatever the planner knows
 * of the table.
 */
export function runPageSql(query: RunQuery, place: RunPlace): Sql {
  const [time, id] = runOrderSql(place)
  const where = join(
    [sql`run.tenant_id = ${tenant}`, ...runConditions(query), ...afterConditions(place)],
    '\n      and ',
  )
  if (query.experimentIds === undefined) {
    return sql`select run.id, run.start_time
    from runs as run
    join experiments on experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
    where ${where}${datasetCondition(query)}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit}`
  }
  return sql`select candidate.id, candidate.start_time
  from unnest(${[...new Set(query.experimentIds)]}::uuid[]) as asked (id)
  join experiments on experiments.tenant_id = ${tenant} and experiments.id = asked.id${datasetCondition(query)}
  cross join lateral (
    select run.id, run.start_time
    from runs as run
    where run.experiment_id = asked.id and ${where}
    order by run.start_time ${time}, run.id ${id}
    limit ${place.limit}
  ) as candidate
  order by candidate.start_time ${time}, candidate.id ${id}
  limit ${place.limit}`
}

/** The directions in which the start time and the id are sorted. */
export function runOrderSql({ order }: RunPlace): [time: Sql, id: Sql] {
  return order === 'desc' ? [raw('desc'), raw('asc')] : [raw('asc'), raw('desc')]
}

/** The runs of a query, all of them, without order: what stands behind `from`, up to the end of `where`. */
export function runSourceSql(query: RunQuery): Sql {
  const among =
    query.experimentIds === undefined
      ? []
      : [sql`run.experiment_id = any(${[...new Set(query.experimentIds)]}::uuid[])`]
  const where = join(
    [sql`run.tenant_id = ${tenant}`, ...among, ...runConditions(query)],
    '\n  and ',
  )
  return sql`runs as run
join experiments on experiments.tenant_id = ${tenant} and experiments.id = run.experiment_id
left join traces as trace on trace.tenant_id = ${tenant} and trace.id = run.trace_id
where ${where}${datasetCondition(query)}`
}

function datasetCondition({ datasetId }: RunQuery): Sql {
  return datasetId === undefined ? empty : sql`\n  and experiments.dataset_id = ${datasetId}::uuid`
}

/** True for the top of a trace; a run that still waits for its parent is none. */
export const isRootSql = sql`(run.parent_run_id is null and run.trace_id is not null)`

/** What a run must be, on alias `run`. The experiments and the dataset of the query are not among it. */
export function runConditions(query: RunQuery): Sql[] {
  // Without a start time it is a fragment: an update whose create is on its way.
  const conditions = [sql`run.start_time is not null`]
  const add = (condition: Sql) => conditions.push(condition)
  if (query.ids !== undefined) add(sql`run.id = any(${query.ids}::uuid[])`)
  if (query.traceId !== undefined) add(sql`run.trace_id = ${query.traceId}::uuid`)
  if (query.parentRunId !== undefined) {
    // Children are found in the trace of their parent: no index has to know who the parent of a run is.
    add(sql`run.parent_run_id = ${query.parentRunId}::uuid
        and run.trace_id = (select trace_id from runs where tenant_id = ${tenant} and id = ${query.parentRunId}::uuid)`)
  }
  if (query.exampleIds !== undefined) {
    add(sql`run.reference_example_id = any(${query.exampleIds}::uuid[])`)
  }
  if (query.underDottedOrder !== undefined) {
    const top = query.underDottedOrder
    add(
      sql`(run.dotted_order = ${top}::text or starts_with(run.dotted_order, ${top}::text || '.'))`,
    )
  }
  if (query.runTypes !== undefined) {
    const { are, types } = query.runTypes
    const isAmong = sql`run.run_type = any(${[...types]}::text[])`
    add(are === 'among' ? isAmong : sql`(${isAmong}) is not true`)
  }
  // Spelled out as the partial indexes have it.
  if (query.isRoot === true) add(sql`run.parent_run_id is null and run.trace_id is not null`)
  if (query.isRoot === false) add(sql`not ${isRootSql}`)
  if (query.hasThread === true) add(sql`run.thread_id is not null`)
  if (query.hasError !== undefined) {
    add(query.hasError ? sql`run.status = 'error'` : sql`run.status <> 'error'`)
  }
  if (query.minStartTime !== undefined) {
    add(sql`run.start_time >= ${query.minStartTime}::text::timestamptz`)
  }
  if (query.maxStartTime !== undefined) {
    add(sql`run.start_time <= ${query.maxStartTime}::text::timestamptz`)
  }
  for (const filter of query.filters ?? []) add(sql`(${runFilterSql(filter, 'run')})`)
  if (query.traceFilter !== undefined) {
    add(sql`exists (
        select from traces as root_trace
        join runs as root on root.tenant_id = root_trace.tenant_id and root.id = root_trace.root_run_id
        where root_trace.tenant_id = run.tenant_id and root_trace.id = run.trace_id
          and ${runFilterSql(query.traceFilter, 'root')}
      )`)
  }
  if (query.treeFilter !== undefined) {
    add(sql`exists (
        select from runs as relative
        where relative.tenant_id = run.tenant_id and relative.trace_id = run.trace_id
          and ${runFilterSql(query.treeFilter, 'relative')}
      )`)
  }
  return conditions
}

/** Everything behind the key. The plain bound on the time is what an index can start from. */
function afterConditions({ order, after }: RunPlace): Sql[] {
  if (after === null) return []
  const id = sql`${after.id}::uuid`
  const time = sql`${after.startTime}::text::timestamptz`
  return order === 'desc'
    ? [sql`run.start_time <= ${time}`, sql`(run.start_time < ${time} or run.id > ${id})`]
    : [sql`run.start_time >= ${time}`, sql`(run.start_time > ${time} or run.id < ${id})`]
}
