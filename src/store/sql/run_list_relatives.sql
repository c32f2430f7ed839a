-- The family trees of traces: every run with its place. $1 tenant, $2 uuid[] traces. Reads only.
select trace_id, id, parent_run_id, dotted_order, start_time
from runs
where tenant_id = $1 and trace_id = any ($2::uuid[])
order by dotted_order, id
