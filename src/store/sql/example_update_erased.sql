-- Takes the content out of every version of these examples; their ids and times stay. They are archived, so no version
-- lists them. $1 tenant, $2 uuid[] ids. A repeat changes nothing more. Returns a row per example.
with erased as (
  update examples set inputs = null, outputs = null, metadata = null, splits = default, archived = true,
    source_trace_id = null, external_source_trace_id = null, source_run_id = null, external_source_run_id = null,
    attachments = null
  where tenant_id = $1 and id = any($2::uuid[])
  returning id
)
select distinct id from erased order by id
