-- How many score configs there are. $1 tenant. Reads only.
select count(*) as count from score_configs where tenant_id = $1
