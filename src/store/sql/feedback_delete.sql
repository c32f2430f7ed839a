-- Deletes feedback, leaves a tombstone, and marks the experiments that it counted in: named, of its run, of its trace.
-- $1 tenant, $2 feedback, $3 now. A repeat finds nothing and changes nothing.
with gone as (
  delete from feedback where tenant_id = $1 and id = $2 returning id, experiment_id, run_id, trace_id
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1, 'feedback', id, $3, $3 from gone
  on conflict (tenant_id, kind, id) do update set deleted_at = excluded.deleted_at
),
marked as (
  insert into experiment_dirty_marks (tenant_id, experiment_id)
  select $1, experiment_id from gone where experiment_id is not null
  union
  select $1, runs.experiment_id
  from gone
  join runs on runs.tenant_id = $1 and runs.id = gone.run_id
  where runs.experiment_id is not null
  union
  select $1, run_items.experiment_id
  from gone
  join run_items on run_items.tenant_id = $1 and run_items.trace_id = gone.trace_id
  where run_items.experiment_id is not null
)
select id from gone
