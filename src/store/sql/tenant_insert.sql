-- Makes a tenant. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at) values ($1, $2, $3)
on conflict (id) do nothing
returning id
