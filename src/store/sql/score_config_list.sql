-- One page of score configs, newest first. $1 tenant, $2 limit, $3 offset. Reads only.
select id, name, data_type, is_archived, description, min_value, max_value, categories, created_at, updated_at
from score_configs
where tenant_id = $1
order by created_at desc, id
limit $2 offset $3
