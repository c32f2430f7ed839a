-- Deletes experiments and notes it, so that late events do not bring them back. Their rows are purged later; readers
-- join experiments, so they are gone at once. $1 tenant, $2 uuid[] ids, $3 now, $4 whether feedback on the experiments
-- themselves is kept. A repeat deletes nothing and returns no row.
with gone as (
  delete from experiments where tenant_id = $1 and id = any ($2::uuid[])
  returning id, dataset_id, name
)
insert into tombstones (tenant_id, kind, id, dataset_id, name, deleted_at, keeps_scores)
select $1, 'experiment', gone.id, gone.dataset_id, gone.name, $3, $4::boolean from gone
on conflict (tenant_id, kind, id) do nothing
returning id
