-- The configs that some scores name. $1 tenant, $2 uuid[] ids. Reads only.
select id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1 and id = any ($2::uuid[])
