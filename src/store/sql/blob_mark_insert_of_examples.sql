-- Marks the blobs of examples whose content is about to be erased: attachments of all versions, and media that they mention.
-- $1 tenant, $2 uuid[] examples, $3 now. A repeat marks them again.
with leaving as (
  select attachments, array[inputs::text, outputs::text, metadata::text] as texts
  from examples
  where tenant_id = $1 and id = any ($2::uuid[])
    and (
      attachments is not null or inputs::text like '%@@@langfuseMedia:%'
      or outputs::text like '%@@@langfuseMedia:%' or metadata::text like '%@@@langfuseMedia:%'
    )
)
insert into blob_marks (tenant_id, blob_id, created_at)
select $1::uuid, blob_id, $3::timestamptz
from (
  select blob_id from leaving, unnest(runmill_blob_ids(attachments)) as blob_id
  union
  select media.blob_id
  from leaving, unnest(runmill_media_ids(texts)) as media_id
  join media on media.tenant_id = $1 and media.id = media_id
) as freed
