-- Deletes a comparison with its feedback, which counts in nothing else; tombstones keep it from coming back.
-- $1 tenant, $2 id, $3 now. A repeat finds nothing and changes nothing.
with gone as (
  delete from comparative_experiments where tenant_id = $1 and id = $2 returning id
),
feedback_gone as (
  delete from feedback using gone
  where feedback.tenant_id = $1 and feedback.comparative_experiment_id = gone.id
  returning feedback.id
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1::uuid, 'comparative_experiment', id, $3::timestamptz, $3::timestamptz from gone
  union all
  select $1, 'feedback', id, $3, $3 from feedback_gone
  on conflict (tenant_id, kind, id) do nothing
)
select id from gone
