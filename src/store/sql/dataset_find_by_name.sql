-- One dataset by its name, in the exact case. $1 tenant, $2 name. Reads only.
select id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
from datasets
where tenant_id = $1 and name = $2
