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

-- name: experiment_aggregate_list_unbuilt
-- Returns which of these experiments have no complete sums. $1 tenant, $2 uuid[] experiments. Reads only.
select experiments.id
from experiments
where experiments.tenant_id = $1 and experiments.id = any ($2::uuid[]) and not exists (
  select from experiment_aggregates as aggregate
  where aggregate.tenant_id = $1 and aggregate.experiment_id = experiments.id and aggregate.is_built
);

-- name: experiment_aggregate_list_page
-- One page of a tenant's experiments. $1 tenant, $2 the experiment before, or null, $3 the most rows. Reads only.
select id from experiments
where tenant_id = $1 and ($2::uuid is null or id > $2::uuid)
order by id
limit $3;

-- name: experiment_sum_delete_empty
-- Deletes what trace_aggregate_refresh has left at zero. $1 tenant, $2 uuid[] experiments, $3 uuid[] sums (same length).
-- A repeat deletes nothing.
delete from experiment_sums
where tenant_id = $1 and (experiment_id, id) in (select * from unnest($2::uuid[], $3::uuid[])) and n = 0;

-- name: experiment_aggregate_delete
-- Deletes the aggregates of a deleted experiment. Run it under aggregate_lock. $1 tenant, $2 experiment. A repeat deletes
-- nothing.
-- May take minutes.
with parts as (
  delete from trace_aggregates where tenant_id = $1 and experiment_id = $2
),
sums as (
  delete from experiment_sums where tenant_id = $1 and experiment_id = $2
)
delete from experiment_aggregates where tenant_id = $1 and experiment_id = $2;

-- name: experiment_aggregate_upsert
-- Writes the aggregates of experiments from their sums. Percentiles are exact up to $4 executions and traces; beyond that
-- they come from histograms and are wrong by 1 % at most. Run it under aggregate_lock.
-- $1 tenant, $2 uuid[] experiments, $3 whether their sums are known to be complete; otherwise those that are not are left as
-- they are, $5 uuid[] those of them whose percentiles may have changed: the others keep what was computed from the same times.
-- A repeat gives identical bytes, because nothing depends on the order of rows.
with asked as materialized (
  select experiments.id as experiment_id, kept.is_built is true and experiments.id <> all ($5::uuid[]) as keeps_times,
    kept.latency_p50, kept.latency_p99, kept.first_token_p50, kept.first_token_p99
  from experiments
  left join experiment_aggregates as kept on kept.tenant_id = $1 and kept.experiment_id = experiments.id
  where experiments.tenant_id = $1 and experiments.id = any ($2::uuid[])
),
-- Without histograms, which are most of them and which only large experiments need.
sums as materialized (
  select held.experiment_id, held.kind, held.key, held.label, held.n, held.total
  from asked
  cross join lateral (
    select experiment_sums.* from experiment_sums
    where experiment_sums.tenant_id = $1 and experiment_sums.experiment_id = asked.experiment_id
      and experiment_sums.kind not in ('latency', 'first_token')
    offset 0
  ) as held
),
plain as materialized (
  select experiment_id,
    coalesce(max(n) filter (where kind = 'traces'), 0) as traces,
    coalesce(max(n) filter (where kind = 'runs'), 0) as runs,
    coalesce(max(n) filter (where kind = 'errors'), 0) as errors,
    coalesce(max(n) filter (where kind = 'streaming'), 0) as streaming,
    coalesce(max(n) filter (where kind = 'items'), 0) as items,
    coalesce(max(n) filter (where kind = 'activity'), 0) as activity,
    coalesce(max(n) filter (where kind = 'unsettled'), 0) as unsettled,
    max(total) filter (where kind = 'prompt_tokens') as prompt_tokens,
    max(total) filter (where kind = 'completion_tokens') as completion_tokens,
    max(total) filter (where kind = 'total_tokens') as total_tokens,
    max(total) filter (where kind = 'prompt_cost') as prompt_cost,
    max(total) filter (where kind = 'completion_cost') as completion_cost,
    max(total) filter (where kind = 'total_cost') as total_cost
  from sums
  group by experiment_id
),
retimed as materialized (
  select plain.experiment_id, greatest(plain.traces, plain.runs) > $4 as is_large
  from plain
  join asked using (experiment_id)
  where not asked.keeps_times
),
binned as (
  select held.experiment_id, held.kind, runmill_time_of_bin(held.key::integer) as seconds,
    sum(held.n) over (partition by held.experiment_id, held.kind order by held.key::integer) as through,
    sum(held.n) over (partition by held.experiment_id, held.kind) as n
  from retimed
  cross join lateral (
    select experiment_sums.* from experiment_sums
    where experiment_sums.tenant_id = $1 and experiment_sums.experiment_id = retimed.experiment_id
      and experiment_sums.kind in ('latency', 'first_token')
    offset 0
  ) as held
  where retimed.is_large
),
estimated as (
  select experiment_id, kind, array_agg(low + (high - low) * (place - floor(place))::double precision order by part)
    as seconds
  from (
    select binned.experiment_id, binned.kind, percentile.part, min(percentile.part * (binned.n - 1)) as place,
      min(binned.seconds) filter (where binned.through > floor(percentile.part * (binned.n - 1))) as low,
      min(binned.seconds) filter (where binned.through > ceil(percentile.part * (binned.n - 1))) as high
    from binned
    cross join (values (0.5), (0.99)) as percentile (part)
    group by binned.experiment_id, binned.kind, percentile.part
  ) as bracket
  group by experiment_id, kind
),
part as materialized (
  select retimed.experiment_id, held.latencies, held.first_tokens
  from retimed
  cross join lateral (
    select trace_aggregates.latencies, trace_aggregates.first_tokens from trace_aggregates
    where trace_aggregates.tenant_id = $1 and trace_aggregates.experiment_id = retimed.experiment_id
      and trace_aggregates.run_count > 0
    offset 0
  ) as held
  where not retimed.is_large
),
timed as (
  select part.experiment_id, 'latency' as kind, time.microseconds
  from part cross join lateral unnest(part.latencies) as time (microseconds)
  union all
  select part.experiment_id, 'first_token', time.microseconds
  from part cross join lateral unnest(part.first_tokens) as time (microseconds)
),
percentile as materialized (
  select experiment_id, kind, seconds from estimated
  union all
  select experiment_id, kind,
    percentile_cont(array[0.5, 0.99]) within group (order by microseconds::double precision / 1000000)
  from timed
  group by experiment_id, kind
),
per_key as (
  select experiment_id, key, kind like 'experiment %' as is_on_experiment,
    jsonb_build_object(
      'n', max(n) filter (where kind like '%feedback'),
      'avg', runmill_average(max(total) filter (where kind like '%score'), max(n) filter (where kind like '%score')),
      'values', coalesce(jsonb_object_agg(label, n) filter (where kind like '%label'), '{}')
    ) as stats
  from sums
  where kind in (
    'feedback', 'score', 'label', 'experiment feedback', 'experiment score', 'experiment label'
  )
  group by experiment_id, key, kind like 'experiment %'
),
given as (
  select experiment_id, jsonb_object_agg(key, stats) filter (where not is_on_experiment) as run_stats,
    jsonb_object_agg(key, stats) filter (where is_on_experiment) as experiment_stats
  from per_key
  group by experiment_id
)
insert into experiment_aggregates as held (
  tenant_id, experiment_id, item_count, run_count, error_count, streaming_count, latency_p50, latency_p99,
  first_token_p50, first_token_p99, prompt_tokens, completion_tokens, total_tokens, prompt_cost, completion_cost,
  total_cost, last_run_start_time, feedback_stats, experiment_feedback_stats, activity_items, activity_first,
  activity_last, activity_end, is_built
)
select $1, asked.experiment_id, coalesce(plain.items, 0), coalesce(plain.runs, 0), coalesce(plain.errors, 0),
  coalesce(plain.streaming, 0), time.latency_p50, time.latency_p99, time.first_token_p50, time.first_token_p99,
  plain.prompt_tokens, plain.completion_tokens, plain.total_tokens, plain.prompt_cost, plain.completion_cost,
  plain.total_cost, newest.last_start, coalesce(given.run_stats, '{}'), coalesce(given.experiment_stats, '{}'),
  case when active.is_settled then coalesce(plain.activity, 0) end, active.first, active.last, active.ended,
  $3::boolean or not exists (select from aggregate_passes where aggregate_passes.tenant_id = $1)
from asked
left join plain on plain.experiment_id = asked.experiment_id
left join percentile as latency on latency.experiment_id = asked.experiment_id and latency.kind = 'latency'
left join percentile as first_token on first_token.experiment_id = asked.experiment_id and first_token.kind = 'first_token'
left join given on given.experiment_id = asked.experiment_id
cross join lateral (
  select asked.latency_p50, asked.latency_p99, asked.first_token_p50, asked.first_token_p99 where asked.keeps_times
  union all
  select latency.seconds[1], latency.seconds[2], first_token.seconds[1], first_token.seconds[2]
  where not asked.keeps_times
) as time
cross join lateral (
  select max(part.last_start) as last_start from trace_aggregates as part
  where part.tenant_id = $1 and part.experiment_id = asked.experiment_id
) as newest
cross join lateral (
  select settled.is_settled,
    case when settled.is_settled then (
      select min(part.activity_first) from trace_aggregates as part
      where part.tenant_id = $1 and part.experiment_id = asked.experiment_id and part.activity_first is not null
    ) end as first,
    case when settled.is_settled then (
      select max(part.activity_last) from trace_aggregates as part
      where part.tenant_id = $1 and part.experiment_id = asked.experiment_id and part.activity_last is not null
    ) end as last,
    case when settled.is_settled then (
      select max(part.activity_end) from trace_aggregates as part
      where part.tenant_id = $1 and part.experiment_id = asked.experiment_id and part.activity_end is not null
    ) end as ended
  from (select coalesce(plain.unsettled, 0) = 0 as is_settled) as settled
) as active
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
  activity_end = excluded.activity_end,
  is_built = true
where held.is_built or excluded.is_built;
