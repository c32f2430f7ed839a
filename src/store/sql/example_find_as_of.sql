-- The version of one example that was valid at a time, the time itself included. $1 tenant, $2 id, $3 time. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and id = $2 and valid_from <= $3 and $3 < valid_to
