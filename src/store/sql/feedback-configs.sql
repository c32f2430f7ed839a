-- name: feedback_config_delete
-- Deletes the config of a feedback key. The feedback stays. $1 tenant, $2 key, $3 now. A repeat finds nothing.
update feedback_configs set deleted_at = $3 where tenant_id = $1 and key = $2 and deleted_at is null returning key;

-- name: feedback_config_find
-- Finds the config of a feedback key. $1 tenant, $2 key. Reads only.
select key, config, is_lower_score_better, is_enforced, updated_at
from feedback_configs
where tenant_id = $1 and key = $2 and deleted_at is null;

-- name: feedback_config_import
-- Writes the config that a feedback key has on another server, with its time. $1 tenant, $2 key, $3 config,
-- $4 is_lower_score_better, $5 is_enforced, $6 updated_at. A repeat writes the same again.
insert into feedback_configs (tenant_id, key, config, is_lower_score_better, is_enforced, updated_at)
values ($1, $2, $3::text::json, $4, $5, $6)
on conflict (tenant_id, key) do update set
  config = excluded.config,
  is_lower_score_better = excluded.is_lower_score_better,
  is_enforced = excluded.is_enforced,
  updated_at = excluded.updated_at,
  deleted_at = null;

-- name: feedback_config_insert_many
-- Inserts configs for feedback keys that have none, or whose config was deleted. $1 tenant; arrays of the same length,
-- sorted by key, without duplicates: $2 keys, $3 configs, $4 is_lower_score_better and $5 is_enforced as text; $6 now. A
-- repeat changes nothing and returns no row.
insert into feedback_configs (tenant_id, key, config, is_lower_score_better, is_enforced, updated_at)
select $1, given.key, given.config::json, given.is_lower_score_better::boolean, given.is_enforced::boolean, $6
from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as given (
  key, config, is_lower_score_better, is_enforced
)
on conflict (tenant_id, key) do update set
  config = excluded.config,
  is_lower_score_better = excluded.is_lower_score_better,
  is_enforced = excluded.is_enforced,
  updated_at = excluded.updated_at,
  deleted_at = null
where feedback_configs.deleted_at is not null
returning key, config, is_lower_score_better, is_enforced, updated_at;

-- name: feedback_config_list_enforced
-- Lists the configs of these feedback keys that set their rules. $1 tenant, $2 keys. Reads only.
select key, config, is_lower_score_better, is_enforced, updated_at
from feedback_configs
where tenant_id = $1 and key = any ($2::text[]) and is_enforced and deleted_at is null;

-- name: feedback_config_update
-- Changes the fields of a feedback key's config that are not null. $1 tenant, $2 key, $3 config,
-- $4 is_lower_score_better, $5 is_enforced, $6 now. A repeat sets the same values again.
update feedback_configs set
  config = coalesce($3::text::json, config),
  is_lower_score_better = coalesce($4::boolean, is_lower_score_better),
  is_enforced = coalesce($5::boolean, is_enforced),
  updated_at = $6
where tenant_id = $1 and key = $2 and deleted_at is null
returning key, config, is_lower_score_better, is_enforced, updated_at;
