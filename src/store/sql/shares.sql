-- name: share_delete
-- Ends the sharing of a thing: its token no longer gives access. $1 tenant, $2 kind, $3 id. A repeat deletes nothing.
delete from shares where tenant_id = $1 and kind = $2 and id = $3;

-- name: share_find
-- Finds the token under which a thing is shared. $1 tenant, $2 kind, $3 id. Reads only.
select token from shares where tenant_id = $1 and kind = $2 and id = $3;

-- name: share_find_by_token
-- Finds what a token shares, and the tenant. $1 kind, $2 token. It is not bound to a tenant, because the token itself
-- gives access. Reads only.
select tenant_id, id, has_experiments from shares where kind = $1 and token = $2;

-- name: share_upsert
-- Shares a thing. $1 tenant, $2 kind, $3 id, $4 token, $5 now, $6 whether the experiments on a dataset are shared too; null
-- leaves that, and is true at first. A repeat keeps the existing token and returns it.
insert into shares (tenant_id, kind, id, token, created_at, has_experiments)
values ($1, $2, $3, $4, $5, coalesce($6::boolean, $2::text = 'dataset'))
on conflict (tenant_id, kind, id) do update set
  token = shares.token,
  has_experiments = coalesce($6::boolean, shares.has_experiments)
returning token;
