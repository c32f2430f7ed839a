-- Gives a tenant a key, or gives its key another secret. Returns no row when the public key is another tenant's.
-- $1 tenant, $2 id, $3 public key, $4 SHA-256 of the secret key, $5 scopes, $6 note, $7 now. A repeat changes nothing.
insert into api_keys (tenant_id, id, public_key, secret_hash, scopes, note, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (public_key) do update set secret_hash = excluded.secret_hash
  where api_keys.tenant_id = excluded.tenant_id
returning id
