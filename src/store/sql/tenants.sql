-- name: tenant_insert
-- Inserts a tenant. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at) values ($1, $2, $3)
on conflict (id) do nothing
returning id;

-- name: tenant_insert_first
-- Inserts a tenant when there is none at all. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at)
select $1::uuid, $2::text, $3::timestamptz where not exists (select from tenants)
on conflict (id) do nothing
returning id;

-- name: tenant_list
-- Lists all tenants, oldest first. Reads only.
select id, name from tenants order by created_at, id;

-- name: tenant_list_among
-- Lists those of some tenants that exist. $1 uuid[] tenants. Reads only.
select id, name from tenants where id = any ($1::uuid[]);

-- name: tenant_lock
-- Allows only one transaction at a time to create datasets or experiments in a tenant, because names, ids and creation
-- times are chosen by what already exists. Ingestion is not held up. $1 tenant. A repeat locks the same row again.
select id from tenants where id = $1 for no key update;
