import sql, { join, raw, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed } from '../../statements.ts'
import { shownSql } from './comparison-sql.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import type { Page } from '../page.ts'
import { shownRunsSql } from '../shown-runs.ts'

/**
 * Runs of experiments, grouped by a value in their own metadata or in that of their example (contracts/langsmith.md
 * 2.2). Only examples that have a shown run in each of the experiments count, so that the groups of two experiments are
 * comparable.
 */
export interface GroupQuery {
  tenantId: string
  datasetId: string
  /** Existing experiments, without duplicates. */
  experimentIds: string[]
  /** By experiment: only matching runs are shown. */
  filters: ReadonlyMap<string, Filter>
  groupBy: 'run' | 'example'
  metadataKey: string
}

export interface ComparisonGroup {
  /** The metadata value as text. A value other than text, a number or a boolean is given as its JSON. */
  value: string
  /** True when the value is a number for every run of the group. */
  isNumber: boolean
}

/** Statistics over the runs of one group. Latencies are in seconds. */
export interface GroupStatistics {
  value: string
  /** null for all experiments together. */
  experimentId: string | null
  exampleCount: number
  runCount: number
  errorCount: number
  streamingCount: number
  latencyP50: number | null
  latencyP99: number | null
  firstTokenP50: number | null
  firstTokenP99: number | null
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  minStartTime: Timestamp | null
  maxStartTime: Timestamp | null
  /** `{key: {n, avg, values}}` */
  feedbackStats: JsonText
}

/** An example of a group. */
export interface GroupExample {
  value: string
  id: string
  createdAt: Timestamp
}

/** Reads one page of groups, those with the most examples first. */
export async function comparisonGroupList(
  db: Queryable,
  query: GroupQuery,
  { limit, offset }: Page,
): Promise<ComparisonGroup[]> {
  const statement = sql`
-- name: comparison_group_list
-- One page of the groups that the runs of some experiments fall into. Reads only.
${memberSql(query)}
select value, bool_and(is_number) as is_number
from member
group by value
order by count(distinct example_id) desc, value collate "C"
limit ${String(limit)}::bigint offset ${String(offset)}::bigint`
  return runComposed<ComparisonGroup>(db, query.tenantId, statement)
}

/** Reads, per group, one row for each experiment that has runs in it, and one row over all of them. */
export async function comparisonGroupListStatistics(
  db: Queryable,
  query: GroupQuery,
  values: string[],
): Promise<GroupStatistics[]> {
  const statement = sql`
-- name: comparison_group_list_statistics
-- Statistics of the runs of some groups, per experiment and over all of them, without their feedback. Reads only.
${memberSql(query)}
select value, experiment_id, count(distinct example_id) as example_count, count(*) as run_count,
  count(*) filter (where status = 'error') as error_count,
  count(*) filter (where trace_first_token_time is not null) as streaming_count,
  ${percentiles('end_time - start_time', 'latency')},
  ${percentiles('trace_first_token_time - start_time', 'first_token')},
  sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
  sum(total_tokens)::bigint as total_tokens, sum(prompt_cost) as prompt_cost,
  sum(completion_cost) as completion_cost, sum(total_cost) as total_cost,
  min(start_time) as min_start_time, max(start_time) as max_start_time
from member
where value = any (${values}::text[])
group by grouping sets ((value), (value, experiment_id))`
  const [rows, stats] = await Promise.all([
    runComposed<Omit<GroupStatistics, 'feedbackStats'>>(db, query.tenantId, statement),
    comparisonGroupListFeedbackStats(db, query, values),
  ])
  return rows.map((row) => ({ ...row, feedbackStats: stats.get(nameOf(row)) ?? '{}' }))
}

/**
 * Reads the first examples of each group, newest first, with ties broken by id.
 * @param limit the number of examples per group
 */
export async function comparisonGroupListExamples(
  db: Queryable,
  query: GroupQuery,
  values: string[],
  limit: number,
): Promise<GroupExample[]> {
  const statement = sql`
-- name: comparison_group_list_examples
-- The first examples of each of some groups, newest first, ties by id. Reads only.
${memberSql(query)}
select value, example_id as id, created_at
from (
  select value, example_id, created_at,
    row_number() over (partition by value order by created_at desc, example_id) as place
  from (
    select distinct value, example_id, created_at from member where value = any (${values}::text[])
  ) as example
) as placed
where place <= ${String(limit)}::bigint
order by value, place`
  return runComposed<GroupExample>(db, query.tenantId, statement)
}

type GroupName = Pick<GroupStatistics, 'value' | 'experimentId'>

function nameOf({ value, experimentId }: GroupName): string {
  return `${experimentId ?? ''}/${value}`
}

/** Statistics of the feedback, by `nameOf`. */
async function comparisonGroupListFeedbackStats(
  db: Queryable,
  query: GroupQuery,
  values: string[],
): Promise<Map<string, JsonText>> {
  const statement = sql`
-- name: comparison_group_list_feedback_stats
-- Statistics of the plain feedback on the runs of some groups, per experiment and over all of them. Reads only.
${memberSql(query)}
select member.value, member.experiment_id,
  runmill_feedback_stats(array_agg((point.key, point.score_number, point.value_text)::runmill_feedback_point))
    as feedback_stats
from member
cross join lateral ${feedbackOfSql(sql`member.run_id`, sql`member.trace_id`)} as point
where member.value = any (${values}::text[])
  and point.key is not null and point.comparative_experiment_id is null
group by grouping sets ((member.value), (member.value, member.experiment_id))`
  const rows = await runComposed<GroupName & { feedbackStats: JsonText }>(
    db,
    query.tenantId,
    statement,
  )
  return new Map(rows.map((row) => [nameOf(row), row.feedbackStats]))
}

function percentiles(interval: string, name: string): Sql {
  const one = (share: number) =>
    raw(`percentile_cont(${share / 100}) within group (order by extract(epoch from ${interval})::double precision)
    filter (where ${interval} is not null) as ${name}_p${share}`)
  return join([one(50), one(99)], ',\n  ')
}

/** The CTE `member`: one row per run, with the value that it is grouped by. */
function memberSql({ datasetId, experimentIds, ...query }: GroupQuery): Sql {
  // On the wire the splits are part of an example's metadata (contracts/langsmith.md 0.1.17).
  const metadata =
    query.groupBy === 'run'
      ? sql`counted.metadata`
      : sql`(coalesce(example.metadata, '{}') || jsonb_build_object('dataset_split', example.splits))`
  // The CTEs are materialised and not joined with each other: the planner expects a handful of rows in each and would
  // compare each row with each.
  return sql`with shown as materialized (
  -- Both a trace and its root run may be linked to an example. That is one run.
  select distinct on (run.experiment_id, run.reference_example_id, run.id)
    run.experiment_id, run.reference_example_id as example_id, run.id as run_id, run.trace_id, run.start_time,
    run.end_time, run.status, run.metadata, run.prompt_tokens, run.completion_tokens, run.total_tokens,
    run.prompt_cost, run.completion_cost, run.total_cost, run.trace_first_token_time
  from ${shownRunsSql} as run
  where run.experiment_id = any(${experimentIds}::uuid[]) ${shownSql(query)}
),
ranked as (
  select shown.*, dense_rank() over (partition by example_id order by experiment_id) as rank from shown
),
counted as (
  select ranked.*, max(rank) over (partition by example_id) as experiment_count from ranked
),
member as materialized (
  select counted.*, example.created_at, entry.value #>> '{}' as value,
    jsonb_typeof(entry.value) = 'number' as is_number
  from counted
  cross join lateral (
    select examples.dataset_id, examples.created_at, examples.metadata, examples.splits
    from examples
    where examples.tenant_id = ${anyTenant} and examples.id = counted.example_id
    order by examples.valid_from desc
    limit 1
  ) as example
  cross join lateral (select ${metadata} -> ${query.metadataKey}::text as value) as entry
  where counted.experiment_count = cardinality(${experimentIds}::uuid[])
    and example.dataset_id = ${datasetId}::uuid and jsonb_typeof(entry.value) <> 'null'
)`
}
