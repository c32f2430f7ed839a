import sql, { join, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import type { ExperimentStatistics } from './experiments.ts'
import { runConditions } from '../runs/run-query-sql.ts'
import { executionsSql } from '../shown-runs.ts'

/** Which executions of experiments count. Executions are root runs and the runs that run items link. */
export interface ExecutionQuery {
  tenantId: string
  experimentIds: string[]
  /** A condition on the execution's run. */
  filter?: Filter | undefined
  /** Only runs that started at this time or later. */
  minStartTime?: Timestamp | undefined
}

/** The statistics that experiment_aggregates holds for all executions of an experiment, here for some of them. */
export type ExecutionStatistics = Omit<
  ExperimentStatistics,
  'itemCount' | 'experimentFeedbackStats' | 'testRunNumber'
>

/**
 * Reads statistics of some executions of experiments whose aggregates were just refreshed. Where a time is the only
 * condition, and no trace was executed more than once, they are added up from what was computed for each trace.
 * @returns one entry for each of the experiments, even when it has no execution
 */
export async function executionReadStats(
  db: Queryable,
  query: ExecutionQuery,
): Promise<Map<string, ExecutionStatistics>> {
  const { tenantId, experimentIds, filter, minStartTime } = query
  if (filter !== undefined || minStartTime === undefined) return executionListStats(db, query)
  const rows = await runStatement<ExecutionStatistics & { isExact: boolean }>(
    db,
    'trace_aggregate_list_stats',
    [tenantId, experimentIds, minStartTime],
  )
  const others = rows.filter((row) => !row.isExact).map((row) => row.experimentId)
  const counted = await executionListStats(db, { ...query, experimentIds: others })
  for (const { isExact, ...row } of rows) if (isExact) counted.set(row.experimentId, row)
  return counted
}

/**
 * Counts from the rows by the definitions of the statement trace_aggregate_refresh, so the numbers are the same
 * where every execution matches. Tokens, costs and feedback are those of the executions' whole traces.
 * @returns one entry for each of the experiments, even when it has no execution
 */
export async function executionListStats(
  db: Queryable,
  query: ExecutionQuery,
): Promise<Map<string, ExecutionStatistics>> {
  if (query.experimentIds.length === 0) return new Map()
  const statement = sql`
-- name: execution_list_stats
-- Statistics of some executions of each of some experiments. Reads only.
${matchedSql(query)},
execution_sum as (
  select experiment_id, count(*) as run_count,
    count(*) filter (where status = 'error') as error_count,
    count(*) filter (where first_token_time is not null) as streaming_count,
    percentile_cont(array[0.5, 0.99]) within group (
      order by extract(epoch from end_time - start_time)::double precision
    ) filter (where end_time is not null) as latency,
    percentile_cont(array[0.5, 0.99]) within group (
      order by extract(epoch from first_token_time - start_time)::double precision
    ) filter (where first_token_time is not null) as first_token,
    max(start_time) as last_run_start_time
  from matched
  group by experiment_id
),
-- Two executions may be in the same trace, which must be counted once.
one_trace as materialized (select distinct experiment_id, trace_id from matched),
trace_sum as (
  select one_trace.experiment_id,
    sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
    sum(total_tokens)::bigint as total_tokens, sum(prompt_cost) as prompt_cost,
    sum(completion_cost) as completion_cost, sum(total_cost) as total_cost
  from one_trace
  cross join lateral (
    select traces.* from traces where traces.tenant_id = ${tenant} and traces.id = one_trace.trace_id limit 1
  ) as trace
  group by one_trace.experiment_id
),
run_feedback as (
  select distinct one_trace.experiment_id, given.id, given.key, given.score_number, given.value_text
  from one_trace
  cross join lateral (
    select whole.id, whole.key, whole.score_number, whole.value_text, whole.comparative_experiment_id
    from feedback as whole
    where whole.tenant_id = ${tenant} and whole.trace_id = one_trace.trace_id
    union all
    select own.id, own.key, own.score_number, own.value_text, own.comparative_experiment_id
    from (
      select runs.id, runs.experiment_id from runs
      where runs.tenant_id = ${tenant} and runs.trace_id = one_trace.trace_id
      offset 0
    ) as run
    cross join lateral (
      select feedback.* from feedback where feedback.tenant_id = ${tenant} and feedback.run_id = run.id
      offset 0
    ) as own
    where run.experiment_id = one_trace.experiment_id
    offset 0
  ) as given
  where given.comparative_experiment_id is null
),
feedback_sum as (
  select experiment_id,
    runmill_feedback_stats(array_agg((key, score_number, value_text)::runmill_feedback_point)) as feedback_stats
  from run_feedback
  group by experiment_id
)
select asked.id as experiment_id, coalesce(run_count, 0) as run_count, coalesce(error_count, 0) as error_count,
  coalesce(streaming_count, 0) as streaming_count, latency[1] as latency_p50, latency[2] as latency_p99,
  first_token[1] as first_token_p50, first_token[2] as first_token_p99, prompt_tokens, completion_tokens, total_tokens,
  prompt_cost, completion_cost, total_cost, last_run_start_time, coalesce(feedback_stats, '{}') as feedback_stats
from unnest(${query.experimentIds}::uuid[]) as asked (id)
left join execution_sum on execution_sum.experiment_id = asked.id
left join trace_sum on trace_sum.experiment_id = asked.id
left join feedback_sum on feedback_sum.experiment_id = asked.id`
  const rows = await runComposed<ExecutionStatistics>(db, query.tenantId, statement, {
    isPrepared: false,
  })
  return new Map(rows.map((row) => [row.experimentId, row]))
}

/** How many executions have one value. */
export interface ExecutionFacet {
  experimentId: string
  attribute: 'name' | 'run_type' | 'status' | 'tags'
  value: string
  runCount: number
}

/**
 * Lists the most frequent values, the most frequent first.
 * @param limit the number of values per attribute and experiment
 */
export async function executionListFacets(
  db: Queryable,
  query: ExecutionQuery,
  limit: number,
): Promise<ExecutionFacet[]> {
  if (query.experimentIds.length === 0) return []
  const statement = sql`
-- name: execution_list_facets
-- The most frequent values of some attributes over some executions of each of some experiments. Reads only.
${matchedSql(query)},
facet as (
  select matched.experiment_id, said.attribute, said.value, count(*) as run_count
  from matched
  cross join lateral (
    values ('name', name), ('run_type', run_type), ('status', status)
    union
    select 'tags', tag from unnest(tags) as tag
  ) as said (attribute, value)
  where said.value is not null
  group by matched.experiment_id, said.attribute, said.value
),
ranked as (
  select facet.*,
    row_number() over (partition by experiment_id, attribute order by run_count desc, value collate "C") as rank
  from facet
)
select experiment_id, attribute, value, run_count
from ranked
where rank <= ${limit}::bigint
order by experiment_id, array_position(array['name', 'run_type', 'status', 'tags'], attribute), rank`
  return runComposed<ExecutionFacet>(db, query.tenantId, statement, { isPrepared: false })
}

/**
 * The CTE `matched`: one row per execution that counts. Rows are looked up one by one, as in every statement of this
 * file: right after a bulk load, when the planner knows nothing of the tables, a join reads all rows of the tenant for
 * each of them.
 */
function matchedSql({ tenantId, experimentIds, filter, minStartTime }: ExecutionQuery): Sql {
  const filters = filter === undefined ? [] : [filter]
  const conditions = join(runConditions({ tenantId, minStartTime, filters }), '\n    and ')
  return sql`with execution as materialized (
  select executions.experiment_id, executions.run_id, executions.trace_id
  from ${executionsSql} as executions
  where executions.experiment_id = any(${experimentIds}::uuid[])
),
matched as materialized (
  select execution.experiment_id, execution.trace_id, run.name, run.run_type, run.status, run.tags, run.start_time,
    run.end_time, traces.first_token_time
  from execution
  cross join lateral (
    select runs.* from runs where runs.tenant_id = ${tenant} and runs.id = execution.run_id limit 1
  ) as run
  left join lateral (
    select held.first_token_time from traces as held
    where held.tenant_id = ${tenant} and held.id = execution.trace_id
    limit 1
  ) as traces on true
  where ${conditions}
)`
}
