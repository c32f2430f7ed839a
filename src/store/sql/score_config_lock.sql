-- A score config, held until the transaction ends. $1 tenant, $2 id. A repeat changes nothing.
select id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1 and id = $2
for update
