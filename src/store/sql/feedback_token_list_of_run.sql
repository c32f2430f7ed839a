-- Links that take feedback on a run, oldest first. $1 tenant, $2 run, $3 limit, $4 offset. Reads only.
select id, run_id, key, expires_at
from feedback_tokens
where tenant_id = $1 and run_id = $2
order by created_at, id
limit $3 offset $4
