-- Takes the place of a content that has no row, for the rest of the transaction: who stores it waits. $1 tenant, $2 blob.
-- It looks as if it had never been used. A repeat changes nothing.
insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
values ($1, $2, 0, '', '-infinity', '-infinity')
on conflict (tenant_id, id) do nothing
