-- name: media_find
-- Finds one announced file. $1 tenant, $2 id. Reads only.
select media.id, encode(media.sha256, 'hex') as sha256, media.blob_id, media.content_type,
  coalesce(blobs.size, media.content_length) as content_length,
  coalesce(media.uploaded_at, blobs.created_at) as uploaded_at, media.upload_http_status, media.upload_http_error, blobs.id is not null as is_stored
from media
left join blobs on blobs.tenant_id = $1 and blobs.id = media.blob_id
where media.tenant_id = $1 and media.id = $2;

-- name: media_list_among
-- Reads the announced files that some text refers to. $1 tenant, $2 text[] ids. Reads only.
select media.id, encode(media.sha256, 'hex') as sha256, media.blob_id, media.content_type,
  coalesce(blobs.size, media.content_length) as content_length,
  coalesce(media.uploaded_at, blobs.created_at) as uploaded_at, media.upload_http_status, media.upload_http_error, blobs.id is not null as is_stored
from media
left join blobs on blobs.tenant_id = $1 and blobs.id = media.blob_id
where media.tenant_id = $1 and media.id = any ($2::text[]);

-- name: media_trace_insert
-- Remembers the trace that a file was announced for. $1 tenant, $2 media, $3 trace. A repeat changes nothing.
insert into media_traces (tenant_id, media_id, trace_id)
values ($1, $2, $3)
on conflict do nothing;

-- name: media_update_upload
-- Records what a client reports about its upload. $1 tenant, $2 id, $3 when, $4 HTTP status, $5 error, $6 milliseconds,
-- $7 now. Returns no row for an unknown id. A repeat overwrites.
update media
set uploaded_at = $3, upload_http_status = $4, upload_http_error = $5, upload_time_ms = $6, updated_at = $7
where tenant_id = $1 and id = $2
returning id;

-- name: media_upsert
-- Announces a file. $1 tenant, $2 id, $3 SHA-256 in hex, $4 blob, $5 content type, $6 bytes, $7 now. A repeat takes
-- over the new content type and length. Another content under the same id changes nothing and returns no row.
insert into media (tenant_id, id, sha256, blob_id, content_type, content_length, created_at, updated_at)
values ($1, $2, decode($3::text, 'hex'), $4, $5, $6, $7, $7)
on conflict (tenant_id, id) do update set
  content_type = excluded.content_type,
  content_length = excluded.content_length,
  updated_at = excluded.updated_at
where media.sha256 = excluded.sha256
returning id;
