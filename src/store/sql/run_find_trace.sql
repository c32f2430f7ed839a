-- The trace of a run: no row when the run is unknown, nulls while its trace is. $1 tenant, $2 run. Reads only.
select trace_id, external_trace_id from runs where tenant_id = $1 and id = $2
