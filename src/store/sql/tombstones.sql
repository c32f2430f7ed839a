-- name: tombstone_delete_overdue
-- Deletes some tombstones of traces and runs that are older than their tenant keeps traces. $1 tenant, $2 now, $3 the most
-- rows. A repeat deletes the next ones.
delete from tombstones
where tenant_id = $1 and (kind, id) in (
  select held.kind, held.id from tombstones as held
  where held.tenant_id = $1 and held.kind in ('trace', 'run') and held.purged_at is not null and held.deleted_at < (
    select $2::timestamptz - make_interval(days => retention_days) from tenants where tenants.id = $1
  )
  limit $3
)
returning id;

-- name: tombstone_list_among
-- Returns which of these things were deleted. One look-up per key. The kind `experiment_score`, with the id of an
-- experiment, stands for the feedback on it: deleted when the experiment was deleted together with that feedback.
-- $1 tenant, $2 text[] kinds, $3 uuid[] ids (same length). Reads only.
select asked.kind, asked.id, found.deleted_at
from unnest($2::text[], $3::uuid[]) as asked (kind, id)
cross join lateral (
  select tombstones.deleted_at from tombstones
  where tombstones.tenant_id = $1 and tombstones.id = asked.id
    and tombstones.kind = case asked.kind when 'experiment_score' then 'experiment' else asked.kind end
    and (asked.kind <> 'experiment_score' or not tombstones.keeps_scores)
  offset 0
) as found;

-- name: tombstone_list_unpurged
-- Lists deleted things whose rows may still be there: experiments, and traces that were deleted before $1. By then
-- every write that may have missed the tombstone has ended. $1 time, $2 the most rows. Reads only.
select tenant_id, kind, id
from tombstones
where purged_at is null and (kind = 'experiment' or (kind = 'trace' and deleted_at < $1))
order by deleted_at
limit $2;

-- name: tombstone_update_purged
-- Notes that the rows of a deleted thing are gone. $1 tenant, $2 kind, $3 id, $4 now. A repeat changes nothing.
update tombstones set purged_at = $4 where tenant_id = $1 and kind = $2 and id = $3 and purged_at is null;
