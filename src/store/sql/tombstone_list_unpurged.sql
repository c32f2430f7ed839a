-- Deleted things whose rows may still be there: experiments, and traces that were deleted before $1, when every write
-- that may not have seen the tombstone has ended. $1 time, $2 how many at most. Reads only.
select tenant_id, kind, id
from tombstones
where purged_at is null and (kind = 'experiment' or (kind = 'trace' and deleted_at < $1))
order by deleted_at
limit $2
