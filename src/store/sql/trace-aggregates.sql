-- name: trace_aggregate_delete_of_experiment
-- Forgets what traces add to an experiment, before that is built from nothing. Run it under aggregate_lock.
-- $1 tenant, $2 experiment. A repeat deletes nothing.
-- May take minutes.
with sums as (
  delete from experiment_sums where tenant_id = $1 and experiment_id = $2
)
delete from trace_aggregates where tenant_id = $1 and experiment_id = $2;

-- name: trace_aggregate_list_asked
-- Lists everything that may count in an experiment, for trace_aggregate_refresh: its traces, and what belongs to none.
-- $1 tenant, $2 experiment, $3 the most rows. Reads only.
-- May take minutes.
select distinct place.trace_id as id
from (
  select coalesce(runs.trace_id, runs.id) as trace_id from runs where runs.tenant_id = $1 and runs.experiment_id = $2
  union all
  select coalesce(run_items.trace_id, run_items.id) from run_items
  where run_items.tenant_id = $1 and run_items.experiment_id = $2
  union all
  select coalesce(feedback.trace_id, feedback.run_id, feedback.id) from feedback
  where feedback.tenant_id = $1 and feedback.experiment_id = $2
  union all
  select trace_aggregates.trace_id from trace_aggregates
  where trace_aggregates.tenant_id = $1 and trace_aggregates.experiment_id = $2
) as place
limit $3;

-- name: trace_aggregate_list_stats
-- Statistics of the executions of some experiments that began at some time or later. is_exact is false where that cannot be
-- said by whole traces, or not yet. $1 tenant, $2 uuid[] experiments, $3 the time. Reads only.
with part as materialized (
  select held.*
  from unnest($2::uuid[]) as asked (id)
  cross join lateral (
    select trace_aggregates.* from trace_aggregates
    where trace_aggregates.tenant_id = $1 and trace_aggregates.experiment_id = asked.id
      and trace_aggregates.last_start >= $3::timestamptz
    offset 0
  ) as held
),
plain as (
  select experiment_id, max(run_count) = 1 as is_exact, sum(run_count) as run_count, sum(error_count) as error_count,
    sum(streaming_count) as streaming_count,
    percentile_cont(array[0.5, 0.99]) within group (order by latencies[1]::double precision / 1000000)
      filter (where latencies is not null) as latency,
    percentile_cont(array[0.5, 0.99]) within group (order by first_tokens[1]::double precision / 1000000)
      filter (where first_tokens is not null) as first_token,
    sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
    sum(total_tokens)::bigint as total_tokens, sum(prompt_cost) as prompt_cost,
    sum(completion_cost) as completion_cost, sum(total_cost) as total_cost, max(last_start) as last_run_start_time
  from part
  group by experiment_id
),
per_label as (
  select part.experiment_id, point ->> 0 as key, point ->> 1 as label, sum((point ->> 2)::bigint) as n,
    sum((point ->> 3)::bigint) as score_count, sum((point ->> 4)::numeric) as score_sum
  from part
  cross join lateral jsonb_array_elements(part.feedback) as point
  group by part.experiment_id, point ->> 0, point ->> 1
),
given as (
  select experiment_id, jsonb_object_agg(key, stats) as feedback_stats
  from (
    select experiment_id, key, jsonb_build_object(
        'n', sum(n), 'avg', runmill_average(sum(score_sum), sum(score_count)::bigint),
        'values', coalesce(jsonb_object_agg(label, n) filter (where label is not null), '{}')
      ) as stats
    from per_label
    group by experiment_id, key
  ) as per_key
  group by experiment_id
)
select asked.id as experiment_id, coalesce(plain.is_exact, true) and exists (
    select from experiment_aggregates as aggregate
    where aggregate.tenant_id = $1 and aggregate.experiment_id = asked.id and aggregate.is_built
  ) as is_exact,
  coalesce(plain.run_count, 0) as run_count, coalesce(plain.error_count, 0) as error_count,
  coalesce(plain.streaming_count, 0) as streaming_count, plain.latency[1] as latency_p50,
  plain.latency[2] as latency_p99, plain.first_token[1] as first_token_p50, plain.first_token[2] as first_token_p99,
  plain.prompt_tokens, plain.completion_tokens, plain.total_tokens, plain.prompt_cost, plain.completion_cost,
  plain.total_cost, plain.last_run_start_time, coalesce(given.feedback_stats, '{}') as feedback_stats
from unnest($2::uuid[]) as asked (id)
left join plain on plain.experiment_id = asked.id
left join given on given.experiment_id = asked.id;

-- name: trace_list_by_id
-- One page of all traces of a tenant. $1 tenant, $2 the trace before, or null, $3 the most rows. Reads only.
select id from traces
where tenant_id = $1 and ($2::uuid is null or id > $2::uuid)
order by id
limit $3;
