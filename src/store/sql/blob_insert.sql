-- Records a content whose bytes are stored. $1 tenant, $2 blob, $3 size in bytes, $4 SHA-256, $5 now.
-- A repeat sets the time of use again. Waits for a delete of the same content that is under way.
insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
values ($1, $2, $3, $4, $5, $5)
on conflict (tenant_id, id) do update set used_at = greatest(blobs.used_at, excluded.used_at)
