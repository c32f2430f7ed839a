-- name: score_direction_delete
-- Forgets which way a score is better. $1 tenant, $2 key. A repeat finds nothing.
delete from score_directions where tenant_id = $1 and key = $2;

-- name: score_direction_list
-- Which way scores are better, by key: as somebody has told Runmill, or else where a config of the score says that lower
-- is. A config that says higher says nothing, because clients send that without being asked to. $1 tenant. Reads only.
select key, is_lower_better, true as is_stored from score_directions
where tenant_id = $1
union all
select config.key, true, false from feedback_configs as config
where config.tenant_id = $1 and config.deleted_at is null and config.is_lower_score_better and not exists (
  select from score_directions as stored where stored.tenant_id = $1 and stored.key = config.key
)
order by key;

-- name: score_direction_upsert
-- Keeps which way a score is better. $1 tenant, $2 key, $3 is_lower_better, $4 now. A repeat sets the same again.
insert into score_directions (tenant_id, key, is_lower_better, updated_at) values ($1, $2, $3, $4)
on conflict (tenant_id, key) do update set
  is_lower_better = excluded.is_lower_better, updated_at = excluded.updated_at;
