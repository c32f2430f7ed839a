-- Keeps experiments from being deleted until the transaction ends: a delete waits, then sees our rows.
-- $1 uuid[] tenants, $2 uuid[] experiments (same length). A repeat locks the same rows again.
select experiments.id
from experiments
join unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
  on experiments.tenant_id = asked.tenant_id and experiments.id = asked.id
order by experiments.tenant_id, experiments.id
for key share of experiments
