-- compatible
-- Threads are listed by their first traces. With the environment in the same index, a list by environment looks up no trace.
create index traces_thread_environment on traces (tenant_id, shown_thread_id, shown_time, id)
  include (environment, root_environment)
  where shown_thread_id is not null;
