-- Runs that came with a parent only (no trace_id) and whose parent, written now or before, has a trace: all the way
-- down, with the trace and the dotted order that follow. One look-up per key.
-- $1 uuid[] tenants, $2 uuid[] runs that were just written (same length). Reads only.
with recursive candidate (tenant_id, id, parent_run_id, start_time) as (
  select run.*
  from unnest($1::uuid[], $2::uuid[]) as written (tenant_id, id)
  cross join lateral (
    select runs.tenant_id, runs.id, runs.parent_run_id, runs.start_time from runs
    where runs.tenant_id = written.tenant_id and runs.id = written.id and runs.trace_id is null
    offset 0
  ) as run
  union
  select run.*
  from unnest($1::uuid[], $2::uuid[]) as written (tenant_id, id)
  cross join lateral (
    select runs.tenant_id, runs.id, runs.parent_run_id, runs.start_time from runs
    where runs.tenant_id = written.tenant_id and runs.parent_run_id = written.id and runs.trace_id is null
    offset 0
  ) as run
),
resolved (tenant_id, id, trace_id, external_trace_id, dotted_order) as (
  select candidate.tenant_id, candidate.id, parent.trace_id, parent.external_trace_id,
    parent.dotted_order || '.' || to_char(candidate.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"')
      || candidate.id
  from candidate
  cross join lateral (
    select runs.trace_id, runs.external_trace_id, runs.dotted_order from runs
    where runs.tenant_id = candidate.tenant_id and runs.id = candidate.parent_run_id and runs.trace_id is not null
    offset 0
  ) as parent
  union
  select resolved.tenant_id, child.id, resolved.trace_id, resolved.external_trace_id,
    resolved.dotted_order || '.' || to_char(child.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"')
      || child.id
  from resolved
  cross join lateral (
    select runs.id, runs.start_time from runs
    where runs.tenant_id = resolved.tenant_id and runs.parent_run_id = resolved.id and runs.trace_id is null
    offset 0
  ) as child
)
select distinct on (tenant_id, id) * from resolved order by tenant_id, id
