-- Deletes the experiments on a dataset, leaving tombstones for the purge. $1 tenant, $2 dataset, $3 now.
-- Returns what was deleted; a repeat deletes nothing.
with gone as (
  delete from experiments where tenant_id = $1 and dataset_id = $2 returning id, name
)
insert into tombstones (tenant_id, kind, id, dataset_id, name, deleted_at)
select $1, 'experiment', gone.id, $2, gone.name, $3::timestamptz from gone
on conflict do nothing
returning id
