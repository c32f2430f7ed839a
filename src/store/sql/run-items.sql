-- name: run_item_count
-- Counts the run items of an experiment. $1 tenant, $2 experiment. Reads only.
select count(*) as count from run_items where tenant_id = $1 and experiment_id = $2;

-- name: run_item_find
-- Finds one run item of an existing experiment. $1 tenant, $2 id. Reads only.
select run_items.id, run_items.experiment_id, run_items.example_id, run_items.trace_id, run_items.external_trace_id,
  run_items.run_id, run_items.external_run_id, run_items.created_at, experiments.name as experiment_name,
  example.external_id as external_example_id
from run_items
join experiments on experiments.tenant_id = run_items.tenant_id and experiments.id = run_items.experiment_id
left join lateral (
  -- Every version, even that of a deleted example, has the client's spelling of the id.
  select external_id
  from examples
  where examples.tenant_id = run_items.tenant_id and examples.id = run_items.example_id
  order by examples.valid_from desc
  limit 1
) as example on true
where run_items.tenant_id = $1 and run_items.id = $2;

-- name: run_item_list
-- One page of the run items of an experiment, newest first. $1 tenant, $2 experiment, $3 limit, $4 offset. Reads only.
select run_items.id, run_items.experiment_id, run_items.example_id, run_items.trace_id, run_items.external_trace_id,
  run_items.run_id, run_items.external_run_id, run_items.created_at, experiments.name as experiment_name,
  example.external_id as external_example_id
from run_items
join experiments on experiments.tenant_id = run_items.tenant_id and experiments.id = run_items.experiment_id
left join lateral (
  -- Every version, even that of a deleted example, has the client's spelling of the id.
  select external_id
  from examples
  where examples.tenant_id = run_items.tenant_id and examples.id = run_items.example_id
  order by examples.valid_from desc
  limit 1
) as example on true
where run_items.tenant_id = $1 and run_items.experiment_id = $2
order by run_items.created_at desc, run_items.id
limit $3 offset $4;

-- name: run_item_list_after
-- The run items of an experiment that come after a given one, newest first. $1 tenant, $2 experiment, $3 created_at and
-- $4 id of the given one, $5 limit. Reads only.
select run_items.id, run_items.experiment_id, run_items.example_id, run_items.trace_id, run_items.external_trace_id,
  run_items.run_id, run_items.external_run_id, run_items.created_at, experiments.name as experiment_name,
  example.external_id as external_example_id
from run_items
join experiments on experiments.tenant_id = run_items.tenant_id and experiments.id = run_items.experiment_id
left join lateral (
  -- Every version, even that of a deleted example, has the client's spelling of the id.
  select external_id
  from examples
  where examples.tenant_id = run_items.tenant_id and examples.id = run_items.example_id
  order by examples.valid_from desc
  limit 1
) as example on true
where run_items.tenant_id = $1 and run_items.experiment_id = $2 and run_items.created_at <= $3
  and (run_items.created_at < $3 or run_items.id > $4)
order by run_items.created_at desc, run_items.id
limit $5;
