-- Makes links that take feedback. $1 tenant, $2 now; arrays of the same length: $3 ids, $4 hashes of the tokens in hex,
-- $5 runs, $6 keys, $7 expiry times. A repeat changes nothing.
insert into feedback_tokens (tenant_id, id, token_hash, run_id, key, created_at, expires_at)
select $1, given.id, decode(given.token_hash, 'hex'), given.run_id, given.key, $2, given.expires_at
from unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::timestamptz[]) as given (
  id, token_hash, run_id, key, expires_at
)
on conflict (tenant_id, id) do nothing
