-- What a token shares, and whose it is. $1 kind, $2 token. Not tied to a tenant: the token is what gives access.
-- Reads only.
select tenant_id, id from shares where kind = $1 and token = $2
