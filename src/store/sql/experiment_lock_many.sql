-- Keeps experiments from being deleted until the transaction ends: a delete waits, then sees our rows. One look-up per
-- key, in the order given. $1 uuid[] tenants, $2 uuid[] experiments (same length, sorted). A repeat locks the same rows.
select locked.id
from unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
cross join lateral (
  select experiments.id from experiments
  where experiments.tenant_id = asked.tenant_id and experiments.id = asked.id
  for key share
) as locked
