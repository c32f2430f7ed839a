-- Gives runs the trace of their parent. The clock and mask stay as they are: a trace_id that a client sends later still
-- takes the place of this one. $1 uuid[] tenants, $2 uuid[] runs, $3 uuid[] traces, $4 text[] the client's spellings of
-- the traces, $5 text[] dotted orders (same length). A repeat changes nothing.
update runs
set trace_id = given.trace_id,
  external_trace_id = given.external_trace_id,
  dotted_order = coalesce(runs.dotted_order, given.dotted_order)
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
  as given (tenant_id, id, trace_id, external_trace_id, dotted_order)
where runs.tenant_id = given.tenant_id and runs.id = given.id and runs.trace_id is null
returning runs.tenant_id, runs.id, runs.trace_id, runs.experiment_id
