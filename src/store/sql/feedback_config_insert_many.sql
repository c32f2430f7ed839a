-- Configures feedback keys that are not configured, or no more. $1 tenant; arrays of the same length, sorted by key, no key
-- twice: $2 keys, $3 configs, $4 is_lower_score_better as text; $5 now. A repeat changes nothing and returns no row.
insert into feedback_configs (tenant_id, key, config, is_lower_score_better, updated_at)
select $1, given.key, given.config::json, given.is_lower_score_better::boolean, $5
from unnest($2::text[], $3::text[], $4::text[]) as given (key, config, is_lower_score_better)
on conflict (tenant_id, key) do update set
  config = excluded.config,
  is_lower_score_better = excluded.is_lower_score_better,
  updated_at = excluded.updated_at,
  deleted_at = null
where feedback_configs.deleted_at is not null
returning key, config, is_lower_score_better, updated_at
