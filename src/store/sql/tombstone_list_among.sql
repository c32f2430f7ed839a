-- Which of these things were deleted.
-- $1 uuid[] tenants, $2 text[] kinds, $3 uuid[] ids (same length). Reads only.
select tombstones.tenant_id, tombstones.kind, tombstones.id
from tombstones
join unnest($1::uuid[], $2::text[], $3::uuid[]) as asked (tenant_id, kind, id)
  on tombstones.tenant_id = asked.tenant_id and tombstones.kind = asked.kind and tombstones.id = asked.id
