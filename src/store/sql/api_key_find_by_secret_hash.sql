-- The live key with this secret. $1 SHA-256 of the secret. Reads only.
select api_keys.id, api_keys.tenant_id, tenants.name as tenant_name, api_keys.public_key, api_keys.scopes
from api_keys
join tenants on tenants.id = api_keys.tenant_id
where api_keys.secret_hash = $1 and api_keys.revoked_at is null
