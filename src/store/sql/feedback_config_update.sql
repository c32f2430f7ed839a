-- Changes the config of a feedback key; null leaves. $1 tenant, $2 key, $3 config, $4 is_lower_score_better, $5 now.
-- A repeat sets the same again.
update feedback_configs set
  config = coalesce($3::text::json, config),
  is_lower_score_better = coalesce($4::boolean, is_lower_score_better),
  updated_at = $5
where tenant_id = $1 and key = $2 and deleted_at is null
returning key, config, is_lower_score_better, updated_at
