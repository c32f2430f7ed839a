-- Makes a comparison of experiments. $1 tenant, $2 id, $3 dataset, $4 uuid[] experiments, $5 name, $6 description,
-- $7 extra, $8 created_at, $9 updated_at. A repeat, or a dataset that is gone, inserts nothing and returns no row.
insert into comparative_experiments (
  tenant_id, id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at
)
select $1::uuid, $2::uuid, id, $4::uuid[], $5::text, $6::text, $7::text::json, $8::timestamptz, $9::timestamptz
from datasets
where tenant_id = $1::uuid and id = $3::uuid
for key share
on conflict (tenant_id, id) do nothing
returning id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at
