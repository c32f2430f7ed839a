-- Forgets a content, and returns its row. $1 tenant, $2 blob. A repeat finds no row.
delete from blobs
where tenant_id = $1 and id = $2
returning id
