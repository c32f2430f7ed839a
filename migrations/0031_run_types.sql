-- compatible
-- Runs by time, with the type beside it: observations of a type are counted in the index, and not in the rows.
create index runs_start_type on runs (tenant_id, start_time desc, id) include (run_type);
drop index runs_start;
