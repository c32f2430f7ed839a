-- Of each thread of an experiment: what its first root run was asked, and what its last one answered.
-- $1 tenant, $2 experiment, $3 text[] threads. Reads only.
select asked.thread_id, first_run.inputs_preview as first_inputs, last_run.outputs_preview as last_outputs,
  last_run.error as last_error
from unnest($3::text[]) as asked (thread_id)
cross join lateral (
  select inputs_preview
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = asked.thread_id
    and parent_run_id is null and trace_id is not null and start_time is not null
  order by start_time, id desc
  limit 1
) as first_run
cross join lateral (
  select outputs_preview, error
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = asked.thread_id
    and parent_run_id is null and trace_id is not null and start_time is not null
  order by start_time desc, id
  limit 1
) as last_run
