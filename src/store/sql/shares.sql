-- name: share_delete
-- Ends the sharing of a thing: its token is good for nothing from now on. $1 tenant, $2 kind, $3 id.
-- A repeat deletes nothing.
delete from shares where tenant_id = $1 and kind = $2 and id = $3;

-- name: share_find
-- The token under which a thing is shared. $1 tenant, $2 kind, $3 id. Reads only.
select token from shares where tenant_id = $1 and kind = $2 and id = $3;

-- name: share_find_by_token
-- What a token shares, and whose it is. $1 kind, $2 token. Not tied to a tenant: the token is what gives access.
-- Reads only.
select tenant_id, id from shares where kind = $1 and token = $2;

-- name: share_upsert
-- Shares a thing. $1 tenant, $2 kind, $3 id, $4 token, $5 now. A repeat keeps the token it has, and returns that.
insert into shares (tenant_id, kind, id, token, created_at)
values ($1, $2, $3, $4, $5)
on conflict (tenant_id, kind, id) do update set token = shares.token
returning token;
