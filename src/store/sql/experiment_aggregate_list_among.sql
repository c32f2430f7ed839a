-- The statistics of experiments, as last computed, and the running number of each within its dataset.
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
where experiments.tenant_id = $1 and experiments.id = any ($2::uuid[])
