-- Marks the blobs of traces that are about to be deleted: attachments of their runs, and what was announced for them.
-- $1 tenant, $2 uuid[] traces, $3 now. A repeat marks them again.
insert into blob_marks (tenant_id, blob_id, created_at)
select $1::uuid, blob_id, $3::timestamptz
from (
  select blob_id
  from runs, unnest(runmill_blob_ids(attachments)) as blob_id
  where tenant_id = $1 and trace_id = any ($2::uuid[]) and attachments is not null
  union
  select media.blob_id
  from media_traces
  join media on media.tenant_id = media_traces.tenant_id and media.id = media_traces.media_id
  where media_traces.tenant_id = $1 and media_traces.trace_id = any ($2::uuid[])
) as freed
