-- The version of one example in the version of its dataset that a tag names. $1 tenant, $2 id, $3 tag. An example that
-- was in several datasets under this tag is that of the newest. Reads only.
select examples.id, examples.external_id, examples.dataset_id, examples.valid_from, examples.created_at,
  examples.ordinal, examples.inputs, examples.outputs, examples.metadata, examples.splits, examples.archived,
  examples.source_trace_id, examples.external_source_trace_id, examples.source_run_id,
  examples.external_source_run_id, examples.attachments
from examples
join dataset_tags on dataset_tags.tenant_id = $1 and dataset_tags.dataset_id = examples.dataset_id
  and dataset_tags.tag = $3
where examples.tenant_id = $1 and examples.id = $2
  and examples.valid_from <= dataset_tags.as_of and dataset_tags.as_of < examples.valid_to
order by examples.valid_from desc
limit 1
