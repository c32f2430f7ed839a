-- The next page of a dataset's current examples by id, archived ones too. $1 tenant, $2 dataset, $3 the last id of the
-- page before (the nil UUID at first), $4 how many. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and dataset_id = $2 and id > $3 and valid_to = 'infinity'
order by id
limit $4
