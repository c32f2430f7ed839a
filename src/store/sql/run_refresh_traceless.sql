-- Gives runs that came with a parent only (no trace_id) the trace of their parent, all the way down.
-- $1 uuid[] tenants, $2 uuid[] runs that were just written (same length). A repeat finds nothing left to do.
-- The clock and mask stay as they are: a trace_id that a client sends later still takes the place of this one.
with recursive resolved (tenant_id, id, trace_id, external_trace_id, dotted_order) as (
  select child.tenant_id, child.id, parent.trace_id, parent.external_trace_id,
    parent.dotted_order || '.' || to_char(child.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"') || child.id
  from unnest($1::uuid[], $2::uuid[]) as written (tenant_id, id)
  join runs as touched on touched.tenant_id = written.tenant_id and touched.id = written.id
  join runs as child on child.tenant_id = touched.tenant_id and child.trace_id is null
    and (child.id = touched.id or child.parent_run_id = touched.id)
  join runs as parent on parent.tenant_id = child.tenant_id and parent.id = child.parent_run_id
    and parent.trace_id is not null
  union
  select child.tenant_id, child.id, resolved.trace_id, resolved.external_trace_id,
    resolved.dotted_order || '.' || to_char(child.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"') || child.id
  from resolved
  join runs as child on child.tenant_id = resolved.tenant_id and child.parent_run_id = resolved.id
    and child.trace_id is null
)
update runs
set trace_id = resolved.trace_id,
  external_trace_id = resolved.external_trace_id,
  dotted_order = coalesce(runs.dotted_order, resolved.dotted_order)
from (select distinct on (tenant_id, id) * from resolved order by tenant_id, id) as resolved
where runs.tenant_id = resolved.tenant_id and runs.id = resolved.id
returning runs.tenant_id, runs.id, runs.trace_id, runs.experiment_id
