import sql, { empty, join, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed } from '../../statements.ts'
import { rolledUpColumns } from './run-list.ts'
import { isRootSql, runSourceSql, type RunQuery } from './run-query-sql.ts'
import { runStatsColumns, type RunStatsColumn } from './run-stats-columns.ts'

/** Statistics over a set of runs. Latencies are in seconds. A statistic for which no run has a value is null. */
export interface RunStatsRow {
  /** The value of the group; the empty text when there is one group only; null for runs without a value. */
  groupKey: string | null
  runCount: number
  errorCount: number
  streamingCount: number
  latencyP50: number | null
  latencyP99: number | null
  latencyAvg: number | null
  firstTokenP50: number | null
  firstTokenP99: number | null
  /** In these sums every token counts once (SPEC I13): the root runs of a trace in the set stand for it together. */
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptTokensP50: number | null
  promptTokensP99: number | null
  completionTokensP50: number | null
  completionTokensP99: number | null
  totalTokensP50: number | null
  totalTokensP99: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  costP50: number | null
  costP99: number | null
  minStartTime: Timestamp | null
  lastRunStartTime: Timestamp | null
  lastEndTime: Timestamp | null
  /**
   * `{key: {n, avg, values}}` over the runs' feedback. A root run also has the feedback that was given to its trace and
   * to no run.
   */
  feedbackStats: JsonText
  /** Exact sums by kind, such as `{cache_read: 5}`; null when no run gives any. */
  promptTokenDetails: JsonText | null
  completionTokenDetails: JsonText | null
  promptCostDetails: JsonText | null
  completionCostDetails: JsonText | null
  threadCount: number
  /** The number of all groups, including those that are not shown. */
  groupCount: number
}

/** What runs are grouped by. A run with several tags is in several groups. */
export type RunGroupBy =
  | { attribute: 'name' | 'tag' | 'thread' }
  /** A type that is not in the list counts as the last type of the list. */
  | { attribute: 'run_type'; types: readonly string[] }
  | { attribute: 'metadata'; key: string }

export interface RunGroups {
  by: RunGroupBy
  /** Only groups with these values, where null means the runs without one. null: any value. */
  only: readonly (string | null)[] | null
  /** largest: the groups with most runs first. latest: the groups with the latest run first. */
  order: 'largest' | 'latest'
  limit: number
  offset: number
}

/** @returns one row, even when there are no runs; with groups, one row for each that is shown, in order */
export async function runStats(
  db: Queryable,
  query: RunQuery,
  groups: RunGroups | null,
  asked: readonly RunStatsColumn[],
): Promise<RunStatsRow[]> {
  const keys = groups === null ? sql`array['']` : groupKeysSql(groups.by)
  const only = groups === null ? empty : onlySql(groups)
  const page =
    groups === null
      ? empty
      : sql`order by ${firstOf(groups)}, key collate "C"
    limit ${groups.limit} offset ${groups.offset}`
  // One root stands for its trace and for all other runs of it. The window sorts all runs, so it is left out when none
  // is a root.
  const isCounted =
    query.isRoot === false
      ? sql`true`
      : sql`not first_value(is_root) over same_trace or id = first_value(id) over same_trace`
  const sameTrace =
    query.isRoot === false
      ? empty
      : sql`window same_trace as (partition by ${groups === null ? empty : sql`one.key, `}trace_id order by is_root desc, id)`
  const source =
    groups === null
      ? sql`(select) as one left join (number join shown on true) on true`
      : sql`number join shown on shown.key is not distinct from number.key`
  const wanted = asked.map((name) => runStatsColumns[name])
  const columns = Object.values(runStatsColumns).map((each) =>
    wanted.includes(each) ? each.columns : each.absent,
  )
  const tables =
    wanted.length === 0
      ? empty
      : join(
          wanted.map((each) => sql`${each.tables},\n`),
          '',
        )
  const statement = sql`
-- name: run_stats
-- Numbers over the runs of a query, as one group or by the groups that are shown, with the wanted columns.
-- Reads only.
with matched as materialized (
  select run.id, run.trace_id, run.status, run.start_time, run.end_time, run.thread_id, ${isRootSql} as is_root,
    coalesce(run.first_token_time, case when ${isRootSql} then trace.first_token_time end) as first_token_time,
    ${join(rolledUpColumns.map(ownOf), ',\n    ')},
    ${keys} as keys
  from ${runSourceSql(query)}
),
member as materialized (
  select matched.*, one.key,
    ${isCounted} as is_counted
  from matched
  cross join lateral unnest(matched.keys) as one (key)
  ${only}
  ${sameTrace}
),
shown as materialized (
  select key, count(*) over () as group_count, row_number() over (order by ${firstOf(groups)}, key collate "C") as place
  from member
  group by key
  ${page}
),
${tables}number as (
  select member.key, count(*) as run_count,
    count(*) filter (where status = 'error') as error_count,
    count(*) filter (where first_token_time is not null) as streaming_count,
    percentile_cont(array[0.5, 0.99]) within group (order by latency.seconds) as latency,
    avg(latency.seconds) as latency_avg,
    percentile_cont(array[0.5, 0.99]) within group (order by first_token.seconds) as first_token,
    ${join(rolledUpColumns.map(sumOf), ',\n    ')},
    ${join(rolledUpColumns.slice(0, 3).map(percentilesOf), ',\n    ')},
    percentile_cont(array[0.5, 0.99]) within group (order by total_cost::double precision)
      filter (where is_counted) as cost,
    count(distinct thread_id) as thread_count, min(start_time) as min_start_time, max(start_time) as last_run_start_time,
    max(end_time) as last_end_time
  from member
  join shown on shown.key is not distinct from member.key
  cross join lateral (
    select extract(epoch from end_time - start_time)::double precision as seconds
  ) as latency
  cross join lateral (
    select extract(epoch from first_token_time - start_time)::double precision as seconds
  ) as first_token
  group by member.key
)
select ${groups === null ? sql`''` : sql`number.key`} as group_key,
  coalesce(run_count, 0) as run_count, coalesce(error_count, 0) as error_count,
  coalesce(streaming_count, 0) as streaming_count, latency[1] as latency_p50, latency[2] as latency_p99, latency_avg,
  first_token[1] as first_token_p50, first_token[2] as first_token_p99, ${join(rolledUpColumns, ', ')},
  prompt_tokens_p[1] as prompt_tokens_p50, prompt_tokens_p[2] as prompt_tokens_p99,
  completion_tokens_p[1] as completion_tokens_p50, completion_tokens_p[2] as completion_tokens_p99,
  total_tokens_p[1] as total_tokens_p50, total_tokens_p[2] as total_tokens_p99,
  cost[1] as cost_p50, cost[2] as cost_p99, min_start_time, last_run_start_time, last_end_time,
  ${join(columns, ',\n  ')},
  coalesce(thread_count, 0) as thread_count, coalesce(group_count, 0) as group_count
from ${source}
order by place`
  return runComposed<RunStatsRow>(db, query.tenantId, statement, {
    isPrepared: false,
    limit: 'statistics',
  })
}

/** Only these runs are a source of tokens, because parents repeat their children's (contracts/langsmith.md 3.6). */
function ownOf(name: Sql): Sql {
  return sql`case when ${isRootSql} then trace.${name} when run.run_type in ('llm', 'embedding') then run.${name} end as ${name}`
}

function sumOf(name: Sql): Sql {
  return sql`sum(${name}) filter (where is_counted) as ${name}`
}

/** The percentiles are values that occur in the data, because tokens are whole numbers. */
function percentilesOf(name: Sql): Sql {
  return sql`percentile_disc(array[0.5, 0.99]) within group (order by ${name}) filter (where is_counted) as ${name}_p`
}

/** The value that orders the groups. */
function firstOf(groups: RunGroups | null): Sql {
  return groups?.order === 'latest' ? sql`max(start_time) desc` : sql`count(*) desc`
}

function groupKeysSql(by: RunGroupBy): Sql {
  switch (by.attribute) {
    case 'name':
      return sql`array[run.name]`
    case 'thread':
      return sql`array[run.thread_id]`
    case 'tag':
      return sql`coalesce((select array_agg(distinct tag) from unnest(run.tags) as tag), array[null::text])`
    case 'metadata':
      return sql`array[run.metadata ->> ${by.key}::text]`
    case 'run_type': {
      const types = sql`${[...by.types]}::text[]`
      return sql`array[case when run.run_type = any(${types}) then run.run_type else (${types})[cardinality(${types})] end]`
    }
  }
}

function onlySql({ only }: RunGroups): Sql {
  if (only === null) return sql`where one.key is not null`
  const values = only.filter((value) => value !== null)
  const isNullToo = values.length < only.length ? sql` or one.key is null` : empty
  return sql`where (one.key = any(${values}::text[])${isNullToo})`
}
