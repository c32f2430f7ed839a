-- The current version of one example. $1 tenant, $2 id. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and id = $2 and valid_to = 'infinity'
