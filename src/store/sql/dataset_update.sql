-- Changes some fields of a dataset. $1 tenant, $2 id, $3 text[] names of the columns to set, then their values (ignored
-- unless named): $4 name, $5 description, $6 data type, $7 metadata, $8 inputs schema, $9 outputs schema,
-- $10 transformations, $11 baseline experiment; $12 now. A repeat only moves updated_at.
-- @throws unique violation when the name is taken
update datasets set
  name = case when 'name' = any($3::text[]) then $4::text else name end,
  description = case when 'description' = any($3) then $5::text else description end,
  data_type = case when 'data_type' = any($3) then $6::text else data_type end,
  metadata = case when 'metadata' = any($3) then $7::text::jsonb else metadata end,
  inputs_schema = case when 'inputs_schema' = any($3) then $8::text::json else inputs_schema end,
  outputs_schema = case when 'outputs_schema' = any($3) then $9::text::json else outputs_schema end,
  transformations = case when 'transformations' = any($3) then $10::text::json else transformations end,
  baseline_experiment_id = case when 'baseline_experiment_id' = any($3) then $11::uuid else baseline_experiment_id end,
  updated_at = greatest($12::timestamptz, created_at)
where tenant_id = $1 and id = $2
returning id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
