-- A comparison of experiments. $1 tenant, $2 id. Reads only.
select id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at
from comparative_experiments
where tenant_id = $1 and id = $2
