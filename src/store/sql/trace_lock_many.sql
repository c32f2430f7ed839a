-- Locks traces in key order before their roll-ups are computed, so that the later of two workers sees the rows of the
-- earlier. $1 uuid[] tenants, $2 uuid[] traces (same length). A repeat locks the same rows again.
select traces.id
from traces
join unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
  on traces.tenant_id = asked.tenant_id and traces.id = asked.id
order by traces.tenant_id, traces.id
for no key update of traces
