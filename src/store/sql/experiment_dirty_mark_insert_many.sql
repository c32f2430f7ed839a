-- Marks the experiments whose aggregates these changes may touch: the ones named, those of the feedback's runs, and
-- those that link the traces. $1 uuid[] tenants, $2 uuid[] experiments; $3 uuid[] tenants, $4 uuid[] runs; $5 uuid[]
-- tenants, $6 uuid[] traces (each pair of the same length). A repeat adds marks, which costs one more refresh.
insert into experiment_dirty_marks (tenant_id, experiment_id)
select given.tenant_id, given.id
from unnest($1::uuid[], $2::uuid[]) as given (tenant_id, id)
union
select runs.tenant_id, runs.experiment_id
from unnest($3::uuid[], $4::uuid[]) as given (tenant_id, id)
join runs on runs.tenant_id = given.tenant_id and runs.id = given.id
where runs.experiment_id is not null
union
select run_items.tenant_id, run_items.experiment_id
from unnest($5::uuid[], $6::uuid[]) as given (tenant_id, id)
join run_items on run_items.tenant_id = given.tenant_id and run_items.trace_id = given.id
returning tenant_id, experiment_id
