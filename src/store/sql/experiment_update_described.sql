-- Replaces description and metadata where they are given and differ. $1 tenant, $2 id, $3 description or null,
-- $4 metadata or null, $5 now. A repeat changes nothing and returns no row.
update experiments
set description = coalesce($3, description),
  metadata = coalesce($4::jsonb, metadata),
  updated_at = $5
where tenant_id = $1 and id = $2
  and (($3::text is not null and description is distinct from $3) or ($4::jsonb is not null and metadata <> $4::jsonb))
returning id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
