-- Which of these things were deleted. One look-up per key. Kind `experiment_score`, with the id of an experiment: one
-- that was deleted with the feedback on it.
-- $1 uuid[] tenants, $2 text[] kinds, $3 uuid[] ids (same length). Reads only.
select asked.tenant_id, asked.kind, asked.id, found.deleted_at
from unnest($1::uuid[], $2::text[], $3::uuid[]) as asked (tenant_id, kind, id)
cross join lateral (
  select tombstones.deleted_at from tombstones
  where tombstones.tenant_id = asked.tenant_id and tombstones.id = asked.id
    and tombstones.kind = case asked.kind when 'experiment_score' then 'experiment' else asked.kind end
    and (asked.kind <> 'experiment_score' or not tombstones.keeps_scores)
  offset 0
) as found
