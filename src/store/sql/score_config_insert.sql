-- Makes a score config. $1 tenant, $2 id, $3 name, $4 data type, $5 is archived, $6 description, $7 minimum, $8 maximum,
-- $9 categories, $10 now. A repeat fails on the id.
insert into score_configs (
  tenant_id, id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::json, $10, $10)
returning id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
