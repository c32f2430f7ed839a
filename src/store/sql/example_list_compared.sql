-- The newest version of some examples; of deleted ones the last, so that results do not vanish with an example.
-- $1 tenant, $2 uuid[] examples. Reads only.
select example.id, example.external_id, example.dataset_id, example.valid_from, example.created_at, example.ordinal,
  example.inputs, example.outputs, example.metadata, example.splits, example.archived, example.source_trace_id,
  example.external_source_trace_id, example.source_run_id, example.external_source_run_id,
  example.attachments
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select examples.*
  from examples
  where examples.tenant_id = $1 and examples.id = asked.id
  order by examples.valid_from desc
  limit 1
) as example
