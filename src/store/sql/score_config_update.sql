-- Sets all of a score config that can change. $1 tenant, $2 id, $3 name, $4 is archived, $5 description, $6 minimum,
-- $7 maximum, $8 categories, $9 now. A repeat sets the same again.
update score_configs set
  name = $3,
  is_archived = $4,
  description = $5,
  min_value = $6,
  max_value = $7,
  categories = $8::text::json,
  updated_at = $9
where tenant_id = $1 and id = $2
returning id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
