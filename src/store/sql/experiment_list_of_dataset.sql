-- A page of the experiments on a dataset, newest first. $1 tenant, $2 dataset, $3 how many, $4 offset. Reads only.
select id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time, created_at,
  updated_at
from experiments
where tenant_id = $1 and dataset_id = $2
order by created_at desc, id
limit $3 offset $4
