-- Announces a content. $1 tenant, $2 id, $3 SHA-256 in hex, $4 blob, $5 content type, $6 bytes, $7 now. A repeat takes the
-- new content type and length. Another content under the same id changes nothing and returns no row.
insert into media (tenant_id, id, sha256, blob_id, content_type, content_length, created_at, updated_at)
values ($1, $2, decode($3::text, 'hex'), $4, $5, $6, $7, $7)
on conflict (tenant_id, id) do update set
  content_type = excluded.content_type,
  content_length = excluded.content_length,
  updated_at = excluded.updated_at
where media.sha256 = excluded.sha256
returning id
