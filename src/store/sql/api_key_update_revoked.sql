-- Ends a key. $1 tenant, $2 public key, $3 now. Returns no row when there is no such key; a repeat keeps the first time.
update api_keys set revoked_at = coalesce(revoked_at, $3) where tenant_id = $1 and public_key = $2
returning revoked_at
