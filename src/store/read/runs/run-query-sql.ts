import { inline } from '../bridge.ts'
import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Parameter } from '../../statements.ts'
import { runFilterSql } from '../filter/run-filter-sql.ts'

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
  filters?: readonly RunFilter[] | undefined
  /** On the root run of its trace. */
  traceFilter?: RunFilter | undefined
  /** On any run of its trace. */
  treeFilter?: RunFilter | undefined
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

/** Takes a parameter, gives back its placeholder. */
type Place = (value: Parameter) => string

/**
 * Ids and start times of one page of runs, in order: the text of a CTE's body. `desc` is newest first, ties by id;
 * `asc` is its exact reverse, so that one index serves both.
 *
 * Each experiment is read on its own, as far as the page needs: its index gives the order, whatever the planner knows
 * of the table.
 */
export function runPageText(query: RunQuery, place: RunPlace, bind: Place): string {
  const [time, id] = place.order === 'desc' ? ['desc', 'asc'] : ['asc', 'desc']
  const limit = bind(place.limit)
  const conditions = [...runConditions(query, bind), ...afterConditions(place, bind)]
  const where = `run.tenant_id = $1${conditions.map((condition) => `\n      and ${condition}`).join('')}`
  if (query.experimentIds === undefined) {
    return `select run.id, run.start_time
    from runs as run
    join experiments on experiments.tenant_id = $1 and experiments.id = run.experiment_id
    where ${where}${datasetCondition(query, bind)}
    order by run.start_time ${time}, run.id ${id}
    limit ${limit}`
  }
  return `select candidate.id, candidate.start_time
  from unnest(${bind([...new Set(query.experimentIds)])}::uuid[]) as asked (id)
  join experiments on experiments.tenant_id = $1 and experiments.id = asked.id${datasetCondition(query, bind)}
  cross join lateral (
    select run.id, run.start_time
    from runs as run
    where run.experiment_id = asked.id and ${where}
    order by run.start_time ${time}, run.id ${id}
    limit ${limit}
  ) as candidate
  order by candidate.start_time ${time}, candidate.id ${id}
  limit ${limit}`
}

/** The runs of a query, all of them, without order: what stands behind `from`, up to the end of `where`. */
export function runSourceText(query: RunQuery, bind: Place): string {
  const among =
    query.experimentIds === undefined
      ? ''
      : `\n  and run.experiment_id = any(${bind([...new Set(query.experimentIds)])}::uuid[])`
  const conditions = runConditions(query, bind).map((condition) => `\n  and ${condition}`)
  return `runs as run
join experiments on experiments.tenant_id = $1 and experiments.id = run.experiment_id
left join traces as trace on trace.tenant_id = $1 and trace.id = run.trace_id
where run.tenant_id = $1${among}${conditions.join('')}${datasetCondition(query, bind)}`
}

function datasetCondition(query: RunQuery, bind: Place): string {
  return query.datasetId === undefined
    ? ''
    : `\n  and experiments.dataset_id = ${bind(query.datasetId)}::uuid`
}

/** True for the top of a trace; a run that still waits for its parent is none. */
export const isRootSql = '(run.parent_run_id is null and run.trace_id is not null)'

/** What a run must be, on alias `run`; the tenant is $1. Experiments and dataset are not among it. */
export function runConditions(query: RunQuery, bind: Place): string[] {
  // Without a start time it is a fragment: an update whose create is on its way.
  const conditions = ['run.start_time is not null']
  const add = (condition: string) => conditions.push(condition)
  if (query.ids !== undefined) add(`run.id = any(${bind(query.ids)}::uuid[])`)
  if (query.traceId !== undefined) add(`run.trace_id = ${bind(query.traceId)}::uuid`)
  if (query.parentRunId !== undefined) {
    const parent = bind(query.parentRunId)
    // Children are found in the trace of their parent: no index has to know who the parent of a run is.
    add(`run.parent_run_id = ${parent}::uuid
        and run.trace_id = (select trace_id from runs where tenant_id = $1 and id = ${parent}::uuid)`)
  }
  if (query.exampleIds !== undefined) {
    add(`run.reference_example_id = any(${bind(query.exampleIds)}::uuid[])`)
  }
  if (query.underDottedOrder !== undefined) {
    const top = bind(query.underDottedOrder)
    add(`(run.dotted_order = ${top}::text or starts_with(run.dotted_order, ${top}::text || '.'))`)
  }
  if (query.runTypes !== undefined) {
    const { are, types } = query.runTypes
    const isAmong = `run.run_type = any(${bind([...types])}::text[])`
    add(are === 'among' ? isAmong : `(${isAmong}) is not true`)
  }
  // Spelled out as the partial indexes have it.
  if (query.isRoot === true) add('run.parent_run_id is null and run.trace_id is not null')
  if (query.isRoot === false) add(`not ${isRootSql}`)
  if (query.hasThread === true) add('run.thread_id is not null')
  if (query.hasError !== undefined) add(`run.status ${query.hasError ? '=' : '<>'} 'error'`)
  if (query.minStartTime !== undefined) {
    add(`run.start_time >= ${bind(query.minStartTime)}::text::timestamptz`)
  }
  if (query.maxStartTime !== undefined) {
    add(`run.start_time <= ${bind(query.maxStartTime)}::text::timestamptz`)
  }
  for (const filter of query.filters ?? []) {
    add(`(${inline(runFilterSql(filter, 'run'), bind)})`)
  }
  if (query.traceFilter !== undefined) {
    add(`exists (
        select from traces as root_trace
        join runs as root on root.tenant_id = root_trace.tenant_id and root.id = root_trace.root_run_id
        where root_trace.tenant_id = run.tenant_id and root_trace.id = run.trace_id
          and ${inline(runFilterSql(query.traceFilter, 'root'), bind)}
      )`)
  }
  if (query.treeFilter !== undefined) {
    add(`exists (
        select from runs as relative
        where relative.tenant_id = run.tenant_id and relative.trace_id = run.trace_id
          and ${inline(runFilterSql(query.treeFilter, 'relative'), bind)}
      )`)
  }
  return conditions
}

/** Everything behind the key. The plain bound on the time is what an index can start from. */
function afterConditions({ order, after }: RunPlace, bind: Place): string[] {
  if (after === null) return []
  const id = `${bind(after.id)}::uuid`
  const time = `${bind(after.startTime)}::text::timestamptz`
  return order === 'desc'
    ? [`run.start_time <= ${time}`, `(run.start_time < ${time} or run.id > ${id})`]
    : [`run.start_time >= ${time}`, `(run.start_time > ${time} or run.id < ${id})`]
}
