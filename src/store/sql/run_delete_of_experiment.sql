-- Purges some runs of a deleted experiment, with their feedback and the traces they leave empty.
-- $1 tenant, $2 experiment, $3 how many runs at most. A repeat takes the next ones.
with gone as (
  delete from runs
  where runs.tenant_id = $1
    and runs.id in (select id from runs where tenant_id = $1 and experiment_id = $2 limit $3)
  returning runs.id, runs.trace_id
),
gone_feedback as (
  delete from feedback
  using gone
  where feedback.tenant_id = $1 and feedback.run_id = gone.id
),
gone_traces as (
  delete from traces
  where traces.tenant_id = $1
    and traces.id in (select trace_id from gone)
    and not exists (
      select from runs
      where runs.tenant_id = $1 and runs.trace_id = traces.id and runs.id not in (select id from gone)
    )
),
kept_traces as (
  -- Those that runs of other experiments keep: what the deleted ones cost, and what a deleted root said, goes with them.
  update traces
  set shown_cost = kept.cost,
    root_run_id = case when kept.has_root then traces.root_run_id end,
    root_name = case when kept.has_root then traces.root_name end,
    root_user_id = case when kept.has_root then traces.root_user_id end,
    root_thread_id = case when kept.has_root then traces.root_thread_id end,
    root_environment = case when kept.has_root then traces.root_environment end,
    root_tags = case when kept.has_root then traces.root_tags end
  from (
    select held.id, bool_or(runs.id = held.root_run_id) as has_root,
      sum(runs.total_cost) filter (
        where (runs.run_type in ('llm', 'embedding') or runs.cost_details is not null) and runs.start_time is not null
      ) as cost
    from traces as held
    join runs on runs.tenant_id = $1 and runs.trace_id = held.id and runs.id not in (select id from gone)
    where held.tenant_id = $1 and held.id in (select trace_id from gone)
    group by held.id
  ) as kept
  where traces.tenant_id = $1 and traces.id = kept.id
)
select id from gone
