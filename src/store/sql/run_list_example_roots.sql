-- Which of these runs are root runs that execute an example in an experiment: each is a run item (DESIGN 1).
-- Root means id = trace_id here, for LangChain stamps the example on every run of a trace (contracts/langsmith.md 2.1).
-- $1 uuid[] tenants, $2 uuid[] runs (same length). Reads only.
select runs.tenant_id, runs.id, runs.external_id, runs.experiment_id, experiments.dataset_id,
  runs.reference_example_id, runs.metadata ->> 'example_version' as example_version,
  coalesce(runs.start_time, runs.created_at) as created_at
from runs
join unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
  on runs.tenant_id = asked.tenant_id and runs.id = asked.id
join experiments on experiments.tenant_id = runs.tenant_id and experiments.id = runs.experiment_id
where runs.trace_id = runs.id and runs.parent_run_id is null and runs.reference_example_id is not null
