-- Shares a thing. $1 tenant, $2 kind, $3 id, $4 token, $5 now. A repeat keeps the token it has, and returns that.
insert into shares (tenant_id, kind, id, token, created_at)
values ($1, $2, $3, $4, $5)
on conflict (tenant_id, kind, id) do update set token = shares.token
returning token
