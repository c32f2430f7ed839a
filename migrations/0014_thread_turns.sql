-- compatible
-- The root runs of a thread are its turns. Lists of threads look up the newest turn of each, and a thread's own list is
-- in the order of its turns.
create index runs_thread_turn on runs (tenant_id, experiment_id, thread_id, start_time desc, id)
  where parent_run_id is null and thread_id is not null;
drop index runs_thread;
