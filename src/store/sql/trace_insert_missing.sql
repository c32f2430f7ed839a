-- Makes a row for every trace that has runs, so that it can be locked and rolled up.
-- $1 uuid[] tenants, $2 uuid[] traces, $3 text[] the client's spellings (same length, sorted). A repeat inserts nothing.
insert into traces (tenant_id, id, external_id, v, m)
select given.tenant_id, given.id, given.external_id, 0, 0
from unnest($1::uuid[], $2::uuid[], $3::text[]) as given (tenant_id, id, external_id)
on conflict (tenant_id, id) do nothing
