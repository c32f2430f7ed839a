-- Marks the blobs of an experiment that is about to be purged: attachments of its runs, and what was announced for its
-- traces. $1 tenant, $2 experiment, $3 now. A repeat marks them again.
insert into blob_marks (tenant_id, blob_id, created_at)
select $1::uuid, blob_id, $3::timestamptz
from (
  select blob_id
  from runs, unnest(runmill_blob_ids(attachments)) as blob_id
  where tenant_id = $1 and experiment_id = $2 and attachments is not null
  union
  select media.blob_id
  from media_traces
  join traces on traces.tenant_id = media_traces.tenant_id and traces.id = media_traces.trace_id
  join media on media.tenant_id = media_traces.tenant_id and media.id = media_traces.media_id
  where media_traces.tenant_id = $1 and traces.experiment_id = $2
) as freed
