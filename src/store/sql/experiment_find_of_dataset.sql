-- The experiment of that name on a dataset: the one made by name inside it, else one made with a name that is unique in
-- the tenant. $1 tenant, $2 dataset, $3 name. Reads only.
select id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time, created_at,
  updated_at
from experiments
where tenant_id = $1 and dataset_id = $2 and name = $3
order by name_scope = dataset_id desc, created_at desc, id
limit 1
