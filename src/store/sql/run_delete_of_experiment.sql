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
rootless_traces as (
  -- Those that runs of other experiments keep: what the deleted root said of them goes with it.
  update traces
  set root_run_id = null, root_name = null, root_user_id = null, root_thread_id = null, root_environment = null,
    root_tags = null
  from gone
  where traces.tenant_id = $1 and traces.id = gone.trace_id and traces.root_run_id = gone.id
    and exists (
      select from runs
      where runs.tenant_id = $1 and runs.trace_id = traces.id and runs.id not in (select id from gone)
    )
)
select id from gone
