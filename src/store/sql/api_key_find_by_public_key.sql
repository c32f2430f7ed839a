-- The live key with this public half. $1 public key. Reads only.
select api_keys.id, api_keys.tenant_id, tenants.name as tenant_name, api_keys.public_key, api_keys.scopes
from api_keys
join tenants on tenants.id = api_keys.tenant_id
where api_keys.public_key = $1 and api_keys.revoked_at is null
