-- One experiment. $1 tenant, $2 id. Reads only.
select id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
from experiments
where tenant_id = $1 and id = $2
