-- Which of these runs are root runs that execute an example in an experiment: each is a run item (DESIGN 1).
-- Root means id = trace_id here, for LangChain stamps the example on every run of a trace (contracts/langsmith.md 2.1).
-- One look-up per key. $1 uuid[] tenants, $2 uuid[] runs (same length). Reads only.
select run.*, experiment.dataset_id
from unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
cross join lateral (
  select runs.tenant_id, runs.id, runs.external_id, runs.experiment_id, runs.reference_example_id,
    runs.metadata ->> 'example_version' as example_version, coalesce(runs.start_time, runs.created_at) as created_at
  from runs
  where runs.tenant_id = asked.tenant_id and runs.id = asked.id
    and runs.trace_id = runs.id and runs.parent_run_id is null and runs.reference_example_id is not null
  offset 0
) as run
cross join lateral (
  select experiments.dataset_id from experiments
  where experiments.tenant_id = run.tenant_id and experiments.id = run.experiment_id
  offset 0
) as experiment
