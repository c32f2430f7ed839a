-- One stored content. $1 tenant, $2 blob. Reads only.
select id, size, encode(sha256, 'hex') as sha256, created_at
from blobs
where tenant_id = $1 and id = $2
