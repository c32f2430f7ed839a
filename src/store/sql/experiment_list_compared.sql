-- Those of some experiments that can show examples of a dataset: its own, and those of no dataset. No row: no such
-- dataset; one row of nulls: no such experiment. $1 tenant, $2 dataset, $3 uuid[] experiments. Reads only.
select experiments.id, experiments.name
from datasets
left join experiments on experiments.tenant_id = datasets.tenant_id and experiments.id = any($3::uuid[])
  and (experiments.dataset_id is null or experiments.dataset_id = datasets.id)
where datasets.tenant_id = $1 and datasets.id = $2
