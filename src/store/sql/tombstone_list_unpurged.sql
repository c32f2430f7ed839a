-- Deleted things whose rows may still be there. $1 text[] kinds, $2 how many at most. Reads only.
select tenant_id, kind, id from tombstones where purged_at is null and kind = any ($1::text[]) order by deleted_at limit $2
