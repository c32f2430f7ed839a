-- The config of a feedback key. $1 tenant, $2 key. Reads only.
select key, config, is_lower_score_better, updated_at
from feedback_configs
where tenant_id = $1 and key = $2 and deleted_at is null
