-- name: comparative_experiment_delete
-- Deletes a comparison with its feedback, which counts in no experiment. Tombstones keep them from coming back.
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
select id from gone;

-- name: comparative_experiment_find
-- Finds a comparison of experiments. $1 tenant, $2 id. Reads only.
select id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at
from comparative_experiments
where tenant_id = $1 and id = $2;

-- name: comparative_experiment_insert
-- Inserts a comparison of experiments. $1 tenant, $2 id, $3 dataset, $4 uuid[] experiments, $5 name, $6 description,
-- $7 extra, $8 created_at, $9 updated_at. Inserts nothing and returns no row when the dataset is gone, or on a repeat.
insert into comparative_experiments (
  tenant_id, id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at
)
select $1::uuid, $2::uuid, id, $4::uuid[], $5::text, $6::text, $7::text::json, $8::timestamptz, $9::timestamptz
from datasets
where tenant_id = $1::uuid and id = $3::uuid
for key share
on conflict (tenant_id, id) do nothing
returning id, dataset_id, experiment_ids, name, description, extra, created_at, updated_at;

-- name: comparative_experiment_list_feedback_stats
-- Statistics of the feedback that comparisons gathered, by comparison. A comparison without feedback has no row.
-- $1 tenant, $2 uuid[] comparisons. Reads only.
select comparative_experiment_id as id,
  runmill_feedback_stats(array_agg((key, score_number, value_text)::runmill_feedback_point)) as feedback_stats
from feedback
where tenant_id = $1 and comparative_experiment_id = any ($2::uuid[]) and key is not null
group by comparative_experiment_id;
