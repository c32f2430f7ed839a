-- name: api_key_find_by_public_key
-- Finds the key with this public half, unless it is revoked. $1 public key. Reads only.
select api_keys.id, api_keys.tenant_id, tenants.name as tenant_name, api_keys.public_key, api_keys.scopes
from api_keys
join tenants on tenants.id = api_keys.tenant_id
where api_keys.public_key = $1 and api_keys.revoked_at is null;

-- name: api_key_find_by_secret_hash
-- Finds the key with this secret, unless it is revoked. $1 SHA-256 of the secret. Reads only.
select api_keys.id, api_keys.tenant_id, tenants.name as tenant_name, api_keys.public_key, api_keys.scopes
from api_keys
join tenants on tenants.id = api_keys.tenant_id
where api_keys.secret_hash = $1 and api_keys.revoked_at is null;

-- name: api_key_find_valid
-- Finds a key of a tenant, unless it is revoked. $1 tenant, $2 key. Reads only.
select id from api_keys where tenant_id = $1 and id = $2 and revoked_at is null;

-- name: api_key_list
-- Lists the keys of a tenant, oldest first. $1 tenant. Reads only.
select public_key, scopes, note, created_at, revoked_at from api_keys where tenant_id = $1 order by created_at, id;

-- name: api_key_list_valid
-- Lists which of these keys are not revoked, of any tenant. $1 public keys. Reads only.
select public_key, secret_hash from api_keys where public_key = any($1) and revoked_at is null;

-- name: api_key_update_all_revoked
-- Revokes all keys of a tenant. $1 tenant, $2 now. A repeat keeps the first time.
update api_keys set revoked_at = $2 where tenant_id = $1 and revoked_at is null;

-- name: api_key_update_revoked
-- Revokes a key. $1 tenant, $2 public key, $3 now. Returns no row when there is no such key. A repeat keeps the first
-- time.
update api_keys set revoked_at = coalesce(revoked_at, $3) where tenant_id = $1 and public_key = $2
returning revoked_at;

-- name: api_key_upsert
-- Gives a tenant a key, or gives its key another secret. Returns no row when the public key belongs to another tenant.
-- $1 tenant, $2 id, $3 public key, $4 SHA-256 of the secret key, $5 scopes, $6 note, $7 now. A repeat changes nothing.
insert into api_keys (tenant_id, id, public_key, secret_hash, scopes, note, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (public_key) do update set secret_hash = excluded.secret_hash
  where api_keys.tenant_id = $1
returning id;
