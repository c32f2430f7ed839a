-- Changes what is given: null leaves. $1 tenant, $2 id, $3 name, $4 description, $5 metadata, $6 extra, $7 trace tier,
-- $8 default dataset, $9 start time, $10 end time, $11 dataset (only where there is none yet), $12 now.
-- A repeat changes nothing but updated_at.
update experiments
set name = coalesce($3, name),
  description = coalesce($4, description),
  metadata = coalesce($5::jsonb, metadata),
  extra = coalesce($6::json, extra),
  trace_tier = coalesce($7, trace_tier),
  default_dataset_id = coalesce($8, default_dataset_id),
  start_time = coalesce($9, start_time),
  end_time = coalesce($10, end_time),
  dataset_id = coalesce(dataset_id, $11),
  updated_at = $12
where tenant_id = $1 and id = $2
returning id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
