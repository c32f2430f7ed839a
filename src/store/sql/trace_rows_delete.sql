-- Deletes traces with all that is in them, leaves tombstones of the traces and of their runs, and marks the experiments
-- in which they counted. $1 tenant, $2 uuid[] traces, $3 now. A repeat deletes what came in between; tombstones stay.
with gone_runs as (
  delete from runs where tenant_id = $1 and trace_id = any ($2::uuid[]) returning id, experiment_id
),
gone_items as (
  delete from run_items where tenant_id = $1 and trace_id = any ($2::uuid[]) returning experiment_id
),
gone_feedback as (
  delete from feedback
  where tenant_id = $1 and (trace_id = any ($2::uuid[]) or run_id in (select id from gone_runs))
  returning experiment_id
),
gone_shares as (
  delete from shares where tenant_id = $1 and kind = 'run' and id in (select id from gone_runs)
),
gone_traces as (
  delete from traces where tenant_id = $1 and id = any ($2::uuid[])
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1::uuid, 'trace', asked.id, $3::timestamptz, null::timestamptz from unnest($2::uuid[]) as asked (id)
  union all
  select $1::uuid, 'run', gone_runs.id, $3::timestamptz, $3::timestamptz from gone_runs
  on conflict (tenant_id, kind, id) do nothing
),
touched as (
  select experiment_id from gone_runs
  union
  select experiment_id from gone_items
  union
  select experiment_id from gone_feedback
)
insert into experiment_dirty_marks (tenant_id, experiment_id)
select $1, experiment_id from touched where experiment_id is not null
returning experiment_id
