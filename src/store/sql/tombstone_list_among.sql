-- Which of these things were deleted. One look-up per key.
-- $1 uuid[] tenants, $2 text[] kinds, $3 uuid[] ids (same length). Reads only.
select asked.tenant_id, asked.kind, asked.id
from unnest($1::uuid[], $2::text[], $3::uuid[]) as asked (tenant_id, kind, id)
cross join lateral (
  select tombstones.id from tombstones
  where tombstones.tenant_id = asked.tenant_id and tombstones.kind = asked.kind and tombstones.id = asked.id
  offset 0
) as found
