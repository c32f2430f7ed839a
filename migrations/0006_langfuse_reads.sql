-- compatible
-- Indexes for Langfuse's lists of traces, observations and sessions.

-- A trace about which no client has said anything begins when its runs do.
create index traces_time on traces (tenant_id, (coalesce(timestamp, start_time)) desc, id);
create index traces_thread on traces (tenant_id, thread_id, (coalesce(timestamp, start_time)), id) where thread_id is not null;
create index runs_start on runs (tenant_id, start_time desc, id);
-- Clients that send no traces name the thread on the root run.
create index runs_root_thread on runs (tenant_id, thread_id) where parent_run_id is null and thread_id is not null;
