-- name: feedback_token_find
-- Finds what a token or the id of a link stands for, and its tenant; of several links with one id the first that was made.
-- $1 token as a UUID, $2 its hash in hex. Reads only.
select tenant_id, id, run_id, key, expires_at
from feedback_tokens
where token_hash = decode($2::text, 'hex') or id = $1
order by created_at, tenant_id
limit 1;

-- name: feedback_token_insert_many
-- Inserts links that accept feedback. $1 tenant, $2 now; arrays of the same length: $3 ids, $4 hashes of the tokens in
-- hex, $5 runs, $6 keys, $7 expiry times. Returns the
-- ids that were not taken. A repeat changes nothing.
insert into feedback_tokens (tenant_id, id, token_hash, run_id, key, created_at, expires_at)
select $1, given.id, decode(given.token_hash, 'hex'), given.run_id, given.key, $2, given.expires_at
from unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::timestamptz[]) as given (
  id, token_hash, run_id, key, expires_at
)
on conflict (tenant_id, id) do nothing
returning id;

-- name: feedback_token_list_by_id
-- Lists the links of these ids. $1 tenant, $2 ids. Reads only.
select id, run_id, key, expires_at from feedback_tokens where tenant_id = $1 and id = any ($2::uuid[]);

-- name: feedback_token_list_of_run
-- Lists the links that accept feedback on a run, oldest first. $1 tenant, $2 run, $3 limit, $4 offset. Reads only.
select id, run_id, key, expires_at
from feedback_tokens
where tenant_id = $1 and run_id = $2
order by created_at, id
limit $3 offset $4;
