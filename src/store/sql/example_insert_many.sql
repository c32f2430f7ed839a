-- Adds versions of many examples of one dataset, valid from now on; their older versions are closed before.
-- $1 tenant, $2 dataset, $3 valid_from, then arrays of equal length: $4 ids, $5 external ids, $6 created_at, $7 inputs,
-- $8 outputs, $9 metadata, $10 splits (each a JSON array), $11 archived, $12 and $13 source trace, $14 and $15 source run,
-- $16 ordinals, $17 attachments. A repeat breaks the primary key.
-- @throws unique violation when another dataset took one of the ids meanwhile
insert into examples (
  tenant_id, dataset_id, id, external_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
)
select $1::uuid, $2::uuid, given.id, given.external_id, $3::timestamptz, given.created_at, given.ordinal,
  given.inputs::json, given.outputs::json, given.metadata::jsonb,
  array(
    select split from json_array_elements_text(given.splits::json) with ordinality as element (split, place)
    order by place
  ),
  given.archived::boolean, given.source_trace_id, given.external_source_trace_id, given.source_run_id,
  given.external_source_run_id, given.attachments::json
from unnest(
  $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[],
  $13::text[], $14::uuid[], $15::text[], $16::integer[], $17::text[]
) as given (
  id, external_id, created_at, inputs, outputs, metadata, splits, archived, source_trace_id, external_source_trace_id,
  source_run_id, external_source_run_id, ordinal, attachments
)
