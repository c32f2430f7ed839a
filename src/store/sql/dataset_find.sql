-- One dataset. $1 tenant, $2 id. Reads only.
select id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
from datasets
where tenant_id = $1 and id = $2
