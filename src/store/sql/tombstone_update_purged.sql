-- Notes that the rows of a deleted thing are gone. $1 tenant, $2 kind, $3 id, $4 now. A repeat changes nothing.
update tombstones set purged_at = $4 where tenant_id = $1 and kind = $2 and id = $3 and purged_at is null
