-- name: experiment_aggregate_list_among
-- The statistics of experiments as last computed, and the running number of each within its dataset.
-- $1 tenant, $2 uuid[] experiments. Reads only.
select experiments.id as experiment_id, aggregate.item_count, coalesce(aggregate.run_count, 0) as run_count,
  coalesce(aggregate.error_count, 0) as error_count, coalesce(aggregate.streaming_count, 0) as streaming_count,
  aggregate.latency_p50, aggregate.latency_p99, aggregate.first_token_p50, aggregate.first_token_p99,
  aggregate.prompt_tokens, aggregate.completion_tokens, aggregate.total_tokens,
  aggregate.prompt_cost, aggregate.completion_cost, aggregate.total_cost, aggregate.last_run_start_time,
  coalesce(aggregate.feedback_stats, '{}') as feedback_stats,
  coalesce(aggregate.experiment_feedback_stats, '{}') as experiment_feedback_stats,
  case when experiments.dataset_id is not null then (
    select count(*) from experiments as earlier
    where earlier.tenant_id = $1 and earlier.dataset_id = experiments.dataset_id
      and (earlier.created_at, earlier.id) <= (experiments.created_at, experiments.id)
  ) end as test_run_number
from experiments
left join experiment_aggregates as aggregate
  on aggregate.tenant_id = $1 and aggregate.experiment_id = experiments.id
where experiments.tenant_id = $1 and experiments.id = any ($2::uuid[]);

-- name: experiment_aggregate_upsert
-- Recomputes the aggregates of one experiment from the rows (SPEC I10). $1 tenant, $2 experiment. A repeat gives
-- identical bytes, because nothing depends on the order of rows: sums are numeric and percentiles sort.
-- May take minutes.
with execution as (
  select executions.run_id as id, executions.trace_id
  from executions
  where executions.tenant_id = $1 and executions.experiment_id = $2
),
execution_sum as (
  select count(*) as run_count,
    count(*) filter (where runs.status = 'error') as error_count,
    count(*) filter (where traces.first_token_time is not null) as streaming_count,
    percentile_cont(array[0.5, 0.99]) within group (
      order by extract(epoch from runs.end_time - runs.start_time)::double precision
    ) filter (where runs.end_time is not null) as latency,
    percentile_cont(array[0.5, 0.99]) within group (
      order by extract(epoch from traces.first_token_time - runs.start_time)::double precision
    ) filter (where traces.first_token_time is not null) as first_token,
    max(runs.start_time) as last_run_start_time
  from execution
  join runs on runs.tenant_id = $1 and runs.id = execution.id
  left join traces on traces.tenant_id = $1 and traces.id = execution.trace_id
),
trace_sum as (
  select sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens,
    sum(total_tokens) as total_tokens, sum(prompt_cost) as prompt_cost, sum(completion_cost) as completion_cost,
    sum(total_cost) as total_cost
  from traces
  where traces.tenant_id = $1 and traces.id in (select trace_id from execution)
),
run_feedback as (
  select feedback.id, feedback.key, feedback.score_number, feedback.value_text
  from feedback
  where feedback.tenant_id = $1 and feedback.experiment_id = $2
    and feedback.comparative_experiment_id is null
    and (feedback.run_id is not null or feedback.trace_id is not null)
  union
  select feedback.id, feedback.key, feedback.score_number, feedback.value_text
  from runs
  join feedback on feedback.tenant_id = $1 and feedback.run_id = runs.id
  where runs.tenant_id = $1 and runs.experiment_id = $2 and feedback.comparative_experiment_id is null
  union
  select feedback.id, feedback.key, feedback.score_number, feedback.value_text
  from execution
  join feedback on feedback.tenant_id = $1 and feedback.trace_id = execution.trace_id
  where feedback.comparative_experiment_id is null
),
experiment_feedback as (
  select feedback.id, feedback.key, feedback.score_number, feedback.value_text
  from feedback
  where feedback.tenant_id = $1 and feedback.experiment_id = $2
    and feedback.comparative_experiment_id is null
    and feedback.run_id is null and feedback.trace_id is null
),
-- By the definitions that the lists of experiments and of their items use.
activity as (
  select count(*) as items, coalesce(bool_and(is_settled), true) as is_settled, min(start_time) as first_start,
    max(start_time) as last_start, max(greatest(start_time, end_time)) as last_end
  from shown_runs
  where shown_runs.tenant_id = $1 and shown_runs.experiment_id = $2
    and shown_runs.reference_example_id is not null and shown_runs.trace_id is not null and not shown_runs.yields
)
insert into experiment_aggregates (
  tenant_id, experiment_id, item_count, run_count, error_count, streaming_count, latency_p50, latency_p99,
  first_token_p50, first_token_p99, prompt_tokens, completion_tokens, total_tokens, prompt_cost, completion_cost,
  total_cost, last_run_start_time, feedback_stats, experiment_feedback_stats, activity_items, activity_first,
  activity_last, activity_end
)
select $1, $2,
  (select count(*) from run_items where run_items.tenant_id = $1 and run_items.experiment_id = $2),
  execution_sum.run_count, execution_sum.error_count,
  execution_sum.streaming_count, execution_sum.latency[1], execution_sum.latency[2],
  execution_sum.first_token[1], execution_sum.first_token[2], trace_sum.prompt_tokens, trace_sum.completion_tokens,
  trace_sum.total_tokens, trace_sum.prompt_cost, trace_sum.completion_cost, trace_sum.total_cost,
  execution_sum.last_run_start_time,
  (select runmill_feedback_stats(array_agg((key, score_number, value_text)::runmill_feedback_point)) from run_feedback),
  (select runmill_feedback_stats(array_agg((key, score_number, value_text)::runmill_feedback_point))
    from experiment_feedback),
  case when activity.is_settled then activity.items end, case when activity.is_settled then activity.first_start end,
  case when activity.is_settled then activity.last_start end, case when activity.is_settled then activity.last_end end
from execution_sum, trace_sum, activity
on conflict (tenant_id, experiment_id) do update set
  item_count = excluded.item_count,
  run_count = excluded.run_count,
  error_count = excluded.error_count,
  streaming_count = excluded.streaming_count,
  latency_p50 = excluded.latency_p50,
  latency_p99 = excluded.latency_p99,
  first_token_p50 = excluded.first_token_p50,
  first_token_p99 = excluded.first_token_p99,
  prompt_tokens = excluded.prompt_tokens,
  completion_tokens = excluded.completion_tokens,
  total_tokens = excluded.total_tokens,
  prompt_cost = excluded.prompt_cost,
  completion_cost = excluded.completion_cost,
  total_cost = excluded.total_cost,
  last_run_start_time = excluded.last_run_start_time,
  feedback_stats = excluded.feedback_stats,
  experiment_feedback_stats = excluded.experiment_feedback_stats,
  activity_items = excluded.activity_items,
  activity_first = excluded.activity_first,
  activity_last = excluded.activity_last,
  activity_end = excluded.activity_end;

-- name: experiment_dirty_mark_delete
-- Deletes the marks of one experiment, before its aggregates are recomputed in the same transaction.
-- $1 tenant, $2 experiment. A repeat deletes nothing.
delete from experiment_dirty_marks where tenant_id = $1 and experiment_id = $2 returning id;

-- name: experiment_dirty_mark_insert_many
-- Marks the experiments whose aggregates these changes may affect: the experiments named; those of the runs that
-- feedback is on, or of the root run where the feedback names only a trace; and those that link the traces. One look-up
-- per key. $1 uuid[] tenants, $2 uuid[] experiments; $3 uuid[] tenants, $4 uuid[] runs or traces that feedback is on;
-- $5 uuid[] tenants, $6 uuid[] traces (each pair of the same length). A repeat adds marks, which costs one more
-- refresh.
insert into experiment_dirty_marks (tenant_id, experiment_id)
select given.tenant_id, given.id
from unnest($1::uuid[], $2::uuid[]) as given (tenant_id, id)
union
select given.tenant_id, run.experiment_id
from unnest($3::uuid[], $4::uuid[]) as given (tenant_id, id)
cross join lateral (
  select runs.experiment_id from runs
  where runs.tenant_id = given.tenant_id and runs.id = given.id and runs.experiment_id is not null
  offset 0
) as run
union
select given.tenant_id, root.experiment_id
from unnest($3::uuid[], $4::uuid[]) as given (tenant_id, id)
cross join lateral (
  select runs.experiment_id from runs
  where runs.tenant_id = given.tenant_id and runs.experiment_id is not null and runs.id = (
    select traces.root_run_id from traces where traces.tenant_id = given.tenant_id and traces.id = given.id
  )
  offset 0
) as root
union
select given.tenant_id, item.experiment_id
from unnest($5::uuid[], $6::uuid[]) as given (tenant_id, id)
cross join lateral (
  select run_items.experiment_id from run_items
  where run_items.tenant_id = given.tenant_id and run_items.trace_id = given.id
  offset 0
) as item
returning tenant_id, experiment_id;

-- name: experiment_dirty_mark_list
-- Lists experiments that have a mark. $1 the most rows. Reads only.
select distinct tenant_id, experiment_id from experiment_dirty_marks order by tenant_id, experiment_id limit $1;

-- name: experiment_dirty_mark_list_among
-- Returns which of these experiments have a mark, or no aggregates yet. $1 tenant, $2 uuid[] experiments. Reads only.
select asked.id
from unnest($2::uuid[]) as asked (id)
where exists (
    select from experiment_dirty_marks as mark where mark.tenant_id = $1 and mark.experiment_id = asked.id
  )
  or not exists (
    select from experiment_aggregates as aggregate
    where aggregate.tenant_id = $1 and aggregate.experiment_id = asked.id
  );
