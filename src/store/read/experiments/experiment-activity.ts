import sql, { empty, raw, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import {
  activeExperimentSource,
  inTimeSql,
  itemSetSql,
  type ExperimentItemQuery,
} from './experiment-item-sql.ts'
import { staleExperimentsSql } from './stale-experiments.ts'
import { filterListSql } from '../filter/filter-sql.ts'

/** An experiment with what happened in it within the requested time. */
export interface ExperimentActivityRow {
  /** Our id; `id` is the client's spelling of it. */
  experimentKey: string
  id: string
  name: string
  description: string | null
  metadata: JsonText
  datasetId: string | null
  startTime: Timestamp
  endTime: Timestamp
  itemCount: number
}

/** Where a page continues: after this experiment. */
export type ExperimentActivityPlace = Pick<ExperimentActivityRow, 'endTime' | 'experimentKey'>

/**
 * Reads a page of the experiments that were executed within that time, the most recently active first. An experiment
 * without executions is in no list. When the time covers everything that an experiment has done and its aggregates are
 * up to date, the numbers come from the aggregates; only for other experiments are the items read.
 * @param query its filters are over the attributes of `activeExperimentSource`
 */
export async function experimentActivityList(
  db: Queryable,
  query: ExperimentItemQuery,
  { after, limit }: { after: ExperimentActivityPlace | null; limit: number },
): Promise<ExperimentActivityRow[]> {
  const { isWithin, isOutside } = spanSql(query)
  const statement = sql`
-- name: experiment_activity_list
-- A page of the experiments that were executed within some time, the most recently active first. Reads only.
with known as materialized (
  select experiments.id, aggregate.activity_items, aggregate.activity_first, aggregate.activity_last,
    aggregate.activity_end,
    aggregate.activity_items is null or experiments.id in (
      ${staleExperimentsSql}
    ) as is_stale
  from experiments
  left join experiment_aggregates as aggregate
    on aggregate.tenant_id = ${tenant} and aggregate.experiment_id = experiments.id
  where experiments.tenant_id = ${tenant}${filterListSql(query.filters, activeExperimentSource)}
),
activity as materialized (
  select known.id as experiment_id, known.activity_first as start_time, known.activity_end as end_time,
    known.activity_items as item_count
  from known
  where not known.is_stale and known.activity_items > 0 and ${isWithin}
  union all
  select known.id, counted.start_time, counted.end_time, counted.item_count
  from known
  cross join lateral (
    select min(item.start_time) as start_time, max(greatest(item.start_time, item.end_time)) as end_time,
      count(*) as item_count
    from (${itemSetSql([])}
      and item.experiment_id = known.id
    ) as item
    where ${inTimeSql(query)}
  ) as counted
  where (known.is_stale or known.activity_items > 0 and not (${isWithin}) and not (${isOutside}))
    and counted.item_count > 0
)
select experiments.id as experiment_key, coalesce(experiments.external_id, experiments.id::text) as id, experiments.name,
  experiments.description, experiments.metadata, activity.start_time, activity.end_time, activity.item_count,
  coalesce(datasets.external_id, experiments.dataset_id::text, experiments.extra ->> 'named_dataset') as dataset_id
from activity
join experiments on experiments.tenant_id = ${tenant} and experiments.id = activity.experiment_id
left join datasets on datasets.tenant_id = ${tenant} and datasets.id = experiments.dataset_id
${after === null ? empty : afterSql(after)}
order by activity.end_time desc, activity.experiment_id
limit ${String(limit)}::bigint`
  return runComposed<ExperimentActivityRow>(db, query.tenantId, statement, { isPrepared: false })
}

/** Whether all executions of `known` began within the time, or none did. */
function spanSql({ from, to }: ExperimentItemQuery): { isWithin: Sql; isOutside: Sql } {
  const first = sql`${from}::timestamptz`
  const within = sql`known.activity_first >= ${first}`
  const outside = sql`known.activity_last < ${first}`
  if (to === null) return { isWithin: within, isOutside: outside }
  const last = sql`${to}::timestamptz`
  return {
    isWithin: sql`${within} and known.activity_last < ${last}`,
    isOutside: sql`${outside} or known.activity_first >= ${last}`,
  }
}

function afterSql({ endTime, experimentKey }: ExperimentActivityPlace): Sql {
  const last = sql`${endTime}::timestamptz`
  return sql`where activity.end_time < ${last}
  or activity.end_time = ${last} and activity.experiment_id > ${experimentKey}::uuid`
}

/** How long executions took and what they cost. */
export interface ExecutionMetrics {
  /**
   * In seconds: the mean over executions, each as long as its linked run, or its whole trace where that is linked.
   * null: none has ended.
   */
  latency: number | null
  /**
   * The cost of the linked runs and all runs below them. A run that is linked more than once counts once. 0 when
   * unknown.
   */
  totalCost: Decimal
  /** The average per execution. */
  averageCost: Decimal
}

/**
 * Reads latency and cost of items, or of experiments over the items within the time. Unlike the numbers of
 * contracts/langfuse.md 3.8, runs that are not linked do not count, and nothing counts twice. Items and experiments
 * without an execution have no entry.
 * @param ids of run items, or of experiments
 */
export async function executionListMetrics(
  db: Queryable,
  query: ExperimentItemQuery,
  by: 'item' | 'experiment',
  ids: string[],
): Promise<Map<string, ExecutionMetrics>> {
  if (ids.length === 0) return new Map()
  const asked = raw(by === 'item' ? 'item.item_id' : 'item.experiment_id')
  const key = raw(by === 'item' ? 'item.id' : 'item.experiment_id')
  const set = itemSetSql([])
  const statement = sql`
-- name: execution_list_metrics
-- What the executions of some run items, or of some experiments within some time, took and cost. Reads only.
with recursive item as (${set}
    and ${asked} = any (${ids}::uuid[])
),
execution as materialized (
  select distinct ${key} as key, item.trace_id, item.run_id, item.latency
  from item
  where ${inTimeSql(query)}
),
member as materialized (
  select runs.trace_id, runs.id, runs.parent_run_id,
    -- Parents repeat the cost of the models below them, so a parent's cost counts only where a client has set it.
    runs.total_cost * (runs.run_type in ('llm', 'embedding') or runs.cost_details is not null)::integer as cost
  from runs
  where runs.tenant_id = ${tenant}
    and runs.trace_id in (select execution.trace_id from execution where execution.run_id is not null)
),
whole as materialized (
  select distinct execution.key, execution.trace_id from execution where execution.run_id is null
),
subtree as (
  select execution.key, member.trace_id, member.id
  from execution
  join member on member.trace_id = execution.trace_id and member.id = execution.run_id
  -- A run in a trace that is linked as a whole is counted with that trace.
  where not exists (
    select from whole where whole.key = execution.key and whole.trace_id = execution.trace_id
  )
  union
  select subtree.key, member.trace_id, member.id
  from subtree
  join member on member.trace_id = subtree.trace_id and member.parent_run_id = subtree.id
),
cost as (
  select counted.key, sum(counted.cost) as total
  from (
    select whole.key, traces.shown_cost as cost
    from whole
    join traces on traces.tenant_id = ${tenant} and traces.id = whole.trace_id
    union all
    select subtree.key, member.cost
    from subtree
    join member on member.trace_id = subtree.trace_id and member.id = subtree.id
  ) as counted
  group by counted.key
)
select execution.key, avg(execution.latency) as latency, coalesce(max(cost.total), 0) as total_cost,
  coalesce(max(cost.total), 0) / count(*) as average_cost
from execution
left join cost on cost.key = execution.key
group by execution.key`
  const rows = await runComposed<ExecutionMetrics & { key: string }>(
    db,
    query.tenantId,
    statement,
    { isPrepared: false },
  )
  return new Map(rows.map(({ key: id, ...metrics }) => [id, metrics]))
}
