-- Makes a tenant where there is none at all. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns no row.
insert into tenants (id, name, created_at)
select $1::uuid, $2::text, $3::timestamptz where not exists (select from tenants)
on conflict (id) do nothing
returning id
