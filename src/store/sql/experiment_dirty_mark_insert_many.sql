-- Marks the experiments whose aggregates these changes may touch: the ones named, those of the feedback's runs, or of
-- the root of its trace where it names no run, and those that link the traces. One look-up per key. $1 uuid[] tenants,
-- $2 uuid[] experiments; $3 uuid[] tenants, $4 uuid[] runs, or traces, of feedback; $5 uuid[] tenants, $6 uuid[] traces
-- (each pair of the same length). A repeat adds marks, which costs one more refresh.
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
returning tenant_id, experiment_id
