-- The announced contents that some text refers to. $1 tenant, $2 text[] ids. Reads only.
select media.id, encode(media.sha256, 'hex') as sha256, media.blob_id, media.content_type,
  coalesce(blobs.size, media.content_length) as content_length,
  coalesce(media.uploaded_at, blobs.created_at) as uploaded_at, media.upload_http_status, media.upload_http_error, blobs.id is not null as is_stored
from media
left join blobs on blobs.tenant_id = media.tenant_id and blobs.id = media.blob_id
where media.tenant_id = $1 and media.id = any ($2::text[])
