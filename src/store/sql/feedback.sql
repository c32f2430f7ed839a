-- name: feedback_delete
-- Deletes feedback, leaves a tombstone, and marks the trace that it counted in. $1 tenant, $2 feedback, $3 now. A repeat finds nothing and changes nothing.
with gone as (
  delete from feedback where tenant_id = (select $1::uuid) and id = $2 returning id, experiment_id, run_id, trace_id
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1, 'feedback', id, $3, $3 from gone
  on conflict (tenant_id, kind, id) do update set deleted_at = excluded.deleted_at
),
marked as (
  insert into dirty_traces (tenant_id, trace_ids)
  select $1, array[coalesce(trace_id, run_id, id)] from gone
)
select id from gone;

-- name: feedback_insert_missing
-- Inserts an empty row for feedback that has none. It waits for any transaction that is writing the same feedback.
-- $1 tenant, $2 feedback. A repeat changes nothing.
insert into feedback (tenant_id, id, v, m) values ($1, $2, 0, 0) on conflict (tenant_id, id) do nothing;
