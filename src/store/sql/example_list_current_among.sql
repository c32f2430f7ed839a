-- The current versions of these examples, in whatever dataset they are. $1 tenant, $2 uuid[] ids. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and id = any($2::uuid[]) and valid_to = 'infinity'
