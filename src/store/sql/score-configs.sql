-- name: score_config_count
-- Counts the score configs. $1 tenant. Reads only.
select count(*) as count from score_configs where tenant_id = $1;

-- name: score_config_import
-- Writes a score config of another server as it is there, with its times. $1 tenant, $2 id, $3 external
-- id, $4 name, $5 data type, $6 is archived, $7 description, $8 minimum, $9 maximum, $10 categories, $11 created_at,
-- $12 updated_at. A repeat writes the same again.
insert into score_configs (
  tenant_id, id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at,
  updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::json, $11, $12)
on conflict (tenant_id, id) do update set
  name = excluded.name,
  is_archived = excluded.is_archived,
  description = excluded.description,
  min_value = excluded.min_value,
  max_value = excluded.max_value,
  categories = excluded.categories,
  created_at = excluded.created_at,
  updated_at = excluded.updated_at;

-- name: score_config_insert
-- Inserts a score config. $1 tenant, $2 id, $3 name, $4 data type, $5 is archived, $6 description, $7 minimum,
-- $8 maximum, $9 categories, $10 now. A repeat violates the primary key.
insert into score_configs (
  tenant_id, id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::json, $10, $10)
returning id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at;

-- name: score_config_list
-- One page of score configs, newest first. $1 tenant, $2 limit, $3 offset. Reads only.
select id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1
order by created_at desc, id
limit $2 offset $3;

-- name: score_config_list_among
-- Reads the configs that some scores name. $1 tenant, $2 uuid[] ids. Reads only.
select id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1 and id = any ($2::uuid[]);

-- name: score_config_lock
-- Reads a score config and locks it until the transaction ends. $1 tenant, $2 id. A repeat changes nothing.
select id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1 and id = $2
for update;

-- name: score_config_update
-- Sets everything of a score config that can change. $1 tenant, $2 id, $3 name, $4 is archived, $5 description,
-- $6 minimum, $7 maximum, $8 categories, $9 now. A repeat sets the same values again.
update score_configs set
  name = $3,
  is_archived = $4,
  description = $5,
  min_value = $6,
  max_value = $7,
  categories = $8::text::json,
  updated_at = $9
where tenant_id = $1 and id = $2
returning id, external_id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at;
