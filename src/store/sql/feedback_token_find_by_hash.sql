-- What a token stands for; it says itself which tenant. $1 hash of the token in hex. Reads only.
select tenant_id, id, run_id, key, expires_at from feedback_tokens where token_hash = decode($1::text, 'hex')
