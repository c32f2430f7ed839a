-- Locks the runs of traces in key order, the first locks of whoever deletes them, as of whoever writes them.
-- $1 tenant, $2 uuid[] traces. A repeat locks the same rows again.
select id from runs where tenant_id = $1 and trace_id = any ($2::uuid[]) order by id for update
