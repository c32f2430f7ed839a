import sql, { join, raw, type Sql } from 'sql-template-tag'
import { tenant } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'

/** The statistics over runs that need other tables than the runs themselves. They are read only on request. */
export type RunStatsColumn = 'feedback' | 'details'

interface ColumnSql {
  /** CTEs over `member`, which holds the runs by their group. Only the runs of the groups in `shown` count. */
  tables: Sql
  /** The columns of the group `number.key`. */
  columns: Sql
  /** The same columns as nulls, for when they are not wanted. */
  absent: Sql
}

/**
 * A root run also has the feedback that was given to its trace and to no run. Feedback is looked up run by run: right
 * after a bulk load, when the planner knows nothing of the tables, a join reads all of the tenant's feedback for every
 * run (20 s for 30,000 runs).
 */
const feedback: ColumnSql = {
  tables: sql`feedback_point as (
  select member.key as group_key, given.key, given.value_text as label, count(*) as n,
    count(given.score_number) as score_count, sum(given.score_number::text::numeric) as score_sum
  from member
  join shown on shown.key is not distinct from member.key
  cross join lateral ${feedbackOfSql(sql`member.id`, sql`case when member.is_root and member.is_counted then member.trace_id end`)} as given
  where given.key is not null and given.comparative_experiment_id is null
  group by member.key, given.key, given.value_text
),
feedback_key as (
  select group_key, key, sum(n) as n,
    -- The values are numeric, so the sum does not depend on the order of rows.
    (sum(score_sum) / nullif(sum(score_count), 0))::double precision as avg,
    coalesce(jsonb_object_agg(label, n) filter (where label is not null), '{}') as labels
  from feedback_point
  group by group_key, key
)`,
  columns: sql`(
    select coalesce(jsonb_object_agg(key, jsonb_build_object('n', n, 'avg', avg, 'values', labels)), '{}')
    from feedback_key
    where group_key is not distinct from number.key
  ) as feedback_stats`,
  absent: sql`'{}'::jsonb as feedback_stats`,
}

const detailNames = [
  'prompt_token_details',
  'completion_token_details',
  'prompt_cost_details',
  'completion_cost_details',
].map((name) => raw(name))

/** Postgres raises an error when it decodes `\u0000` or half of a surrogate pair, so these are replaced first. */
const decodable = (column: Sql): Sql =>
  sql`regexp_replace(${column}::text, '\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\\\ufffd', 'g')::json`

/** Translates Langfuse's keys, such as `input_cached`, into those of LangSmith's maps. */
const prefixed = (column: Sql, unit: 'token' | 'cost'): Sql => sql`
      select case when starts_with(entry.key, 'input') then 'prompt' else 'completion' end || '_${raw(unit)}_details',
        regexp_replace(entry.key, '^(input|output)_?', ''), entry.value
      from json_each_text(${column}) as entry
      where entry.key ~ '^(input|output)_?.' and entry.key not in ('input_', 'output_')`

/**
 * Tokens and costs by kind. They come from the same runs as the sums: from models, and for a root run from its whole
 * trace.
 */
const details: ColumnSql = {
  tables: sql`detail_source as (
  select member.key as group_key, run.usage_details, run.cost_details
  from member
  join shown on shown.key is not distinct from member.key
  cross join lateral (
    select part.run_type, part.usage_details, part.cost_details
    from runs as part
    where part.tenant_id = ${tenant} and part.trace_id = member.trace_id and member.is_root
    union all
    select own.run_type, own.usage_details, own.cost_details
    from runs as own
    where own.tenant_id = ${tenant} and own.id = member.id and not member.is_root
    offset 0
  ) as run
  where member.is_counted and run.run_type in ('llm', 'embedding')
    and (run.usage_details is not null or run.cost_details is not null)
),
detail_sum as (
  select source.group_key, said.name, said.key, sum(said.value::numeric) as value
  from detail_source as source
  cross join lateral (
    select ${decodable(sql`source.usage_details`)} as usage, ${decodable(sql`source.cost_details`)} as cost
  ) as stored
  cross join lateral (
      select map.name, entry.key, entry.value
      from unnest(array[${join(detailNames, `', '`, `'`, `'`)}]) as map (name)
      cross join lateral json_each_text(stored.usage -> map.name) as entry
      union all${prefixed(sql`stored.usage -> 'usage_details'`, 'token')}
      union all${prefixed(sql`stored.cost`, 'cost')}
  ) as said
  group by source.group_key, said.name, said.key
)`,
  columns: join(
    detailNames.map(
      (name) => sql`(
    select jsonb_object_agg(key, value) from detail_sum
    where group_key is not distinct from number.key and name = '${name}'
  ) as ${name}`,
    ),
    ',\n  ',
  ),
  absent: join(
    detailNames.map((name) => sql`null as ${name}`),
    ', ',
  ),
}

export const runStatsColumns: Readonly<Record<RunStatsColumn, ColumnSql>> = { feedback, details }
