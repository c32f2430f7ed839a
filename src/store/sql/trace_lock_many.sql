-- Locks traces in key order before their roll-ups are computed, so that the later of two workers sees the rows of the
-- earlier. One look-up per key, in the order given. $1 uuid[] tenants, $2 uuid[] traces (same length, sorted). A repeat
-- locks the same rows again.
select locked.id
from unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
cross join lateral (
  select traces.id from traces
  where traces.tenant_id = asked.tenant_id and traces.id = asked.id
  for no key update
) as locked
