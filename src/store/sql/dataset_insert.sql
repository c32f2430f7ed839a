-- Makes a dataset. $1 tenant, $2 id, $3 external id, $4 name, $5 description, $6 data type, $7 metadata, $8 inputs
-- schema, $9 outputs schema, $10 transformations, $11 externally managed, $12 created_at (null: now, yet a millisecond
-- after the newest dataset, so that the order of creation is the order of the list), $13 now.
-- A repeat, or a name or id that is taken, changes nothing and returns no row.
insert into datasets (
  tenant_id, id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, created_at, updated_at, version_at
)
select $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text::jsonb, $8::text::json, $9::text::json,
  $10::text::json, $11::boolean, coalesce($12::timestamptz, next.created_at), coalesce($12::timestamptz, next.created_at),
  date_trunc('milliseconds', $13::timestamptz)
from (
  select greatest(
    $13::timestamptz,
    (
      select max(created_at) + interval '1 millisecond'
      from datasets
      -- A client may have set a time far ahead: that one does not count.
      where tenant_id = $1::uuid and created_at < $13::timestamptz + interval '1 minute'
    )
  ) as created_at
) as next
on conflict do nothing
returning id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
