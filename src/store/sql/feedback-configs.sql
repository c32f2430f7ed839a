-- name: feedback_config_delete
-- Deletes the config of a feedback key. The feedback stays. $1 tenant, $2 key, $3 now. A repeat finds nothing.
update feedback_configs set deleted_at = $3 where tenant_id = $1 and key = $2 and deleted_at is null returning key;

-- name: feedback_config_find
-- Finds the config of a feedback key. $1 tenant, $2 key. Reads only.
select key, config, is_lower_score_better, updated_at
from feedback_configs
where tenant_id = $1 and key = $2 and deleted_at is null;

-- name: feedback_config_insert_many
-- Inserts configs for feedback keys that have none, or whose config was deleted. $1 tenant; arrays of the same length,
-- sorted by key, without duplicates: $2 keys, $3 configs, $4 is_lower_score_better as text; $5 now. A repeat changes
-- nothing and returns no row.
insert into feedback_configs (tenant_id, key, config, is_lower_score_better, updated_at)
select $1, given.key, given.config::json, given.is_lower_score_better::boolean, $5
from unnest($2::text[], $3::text[], $4::text[]) as given (key, config, is_lower_score_better)
on conflict (tenant_id, key) do update set
  config = excluded.config,
  is_lower_score_better = excluded.is_lower_score_better,
  updated_at = excluded.updated_at,
  deleted_at = null
where feedback_configs.deleted_at is not null
returning key, config, is_lower_score_better, updated_at;

-- name: feedback_config_update
-- Changes the fields of a feedback key's config that are not null. $1 tenant, $2 key, $3 config,
-- $4 is_lower_score_better, $5 now. A repeat sets the same values again.
update feedback_configs set
  config = coalesce($3::text::json, config),
  is_lower_score_better = coalesce($4::boolean, is_lower_score_better),
  updated_at = $5
where tenant_id = $1 and key = $2 and deleted_at is null
returning key, config, is_lower_score_better, updated_at;
