-- name: feedback_token_find_by_hash
-- Finds what a token stands for, and its tenant. $1 hash of the token in hex. Reads only.
select tenant_id, id, run_id, key, expires_at from feedback_tokens where token_hash = decode($1::text, 'hex');

-- name: feedback_token_insert_many
-- Inserts links that accept feedback. $1 tenant, $2 now; arrays of the same length: $3 ids, $4 hashes of the tokens in
-- hex, $5 runs, $6 keys, $7 expiry times. A repeat changes nothing.
insert into feedback_tokens (tenant_id, id, token_hash, run_id, key, created_at, expires_at)
select $1, given.id, decode(given.token_hash, 'hex'), given.run_id, given.key, $2, given.expires_at
from unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::timestamptz[]) as given (
  id, token_hash, run_id, key, expires_at
)
on conflict (tenant_id, id) do nothing;

-- name: feedback_token_list_of_run
-- Lists the links that accept feedback on a run, oldest first. $1 tenant, $2 run, $3 limit, $4 offset. Reads only.
select id, run_id, key, expires_at
from feedback_tokens
where tenant_id = $1 and run_id = $2
order by created_at, id
limit $3 offset $4;
