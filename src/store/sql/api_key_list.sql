-- The keys of a tenant, oldest first. $1 tenant. A repeat reads again.
select public_key, scopes, note, created_at, revoked_at from api_keys where tenant_id = $1 order by created_at, id
