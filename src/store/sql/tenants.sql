-- name: tenant_insert
-- Makes a tenant. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at) values ($1, $2, $3)
on conflict (id) do nothing
returning id;

-- name: tenant_insert_first
-- Makes a tenant where there is none at all. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at)
select $1::uuid, $2::text, $3::timestamptz where not exists (select from tenants)
on conflict (id) do nothing
returning id;

-- name: tenant_list
-- Every tenant, oldest first. No parameters. A repeat reads again.
select id, name from tenants order by created_at, id;

-- name: tenant_lock
-- Lets one dataset or experiment at a time be created in a tenant: names, ids and creation times are chosen from what is
-- there. Ingestion goes on meanwhile. $1 tenant. A repeat locks the same row again.
select id from tenants where id = $1 for no key update;
