-- name: tenant_delete
-- Deletes a tenant that has nothing any more. $1 tenant. A repeat deletes nothing.
delete from tenants where id = $1;

-- name: tenant_find_state
-- Finds out whether the deletion of a tenant has begun, and when its oldest trace began. $1 tenant. Reads only.
select exists (
  select from tombstones where tombstones.tenant_id = $1 and kind = 'tenant' and tombstones.id = $1
) as is_deleted, (
  select min(shown_time) from traces where traces.tenant_id = $1
) as oldest_trace_at;

-- name: tenant_insert
-- Inserts a tenant, unless one with that id was deleted. $1 tenant, $2 name, $3 now. A repeat changes nothing and returns
-- no row.
insert into tenants (id, name, created_at)
select $1::uuid, $2::text, $3::timestamptz
where not exists (select from tombstones where tenant_id = $1 and kind = 'tenant' and id = $1)
on conflict (id) do nothing
returning id;

-- name: tenant_insert_first
-- Inserts a tenant when there is none at all, unless one with that id was deleted. $1 tenant, $2 name, $3 now. A repeat
-- changes nothing and returns no row.
insert into tenants (id, name, created_at)
select $1::uuid, $2::text, $3::timestamptz where not exists (select from tenants)
  and not exists (select from tombstones where tenant_id = $1 and kind = 'tenant' and id = $1)
on conflict (id) do nothing
returning id;

-- name: tenant_list
-- Lists all tenants, oldest first. Reads only.
select id, name, created_at, retention_days from tenants order by created_at, id;

-- name: tenant_list_among
-- Lists those of some tenants that exist. $1 uuid[] tenants. Reads only.
select id, name from tenants where id = any ($1::uuid[]);

-- name: tenant_find_overdue
-- Finds a tenant that has traces, runs without a trace, or kept events that are older than it keeps traces. $1 tenant, $2 now.
-- Reads only.
select tenants.id from tenants
cross join lateral (select $2::timestamptz - make_interval(days => tenants.retention_days) as oldest offset 0) as kept
where tenants.id = $1::uuid and (
  exists (select from traces where traces.tenant_id = $1::uuid and traces.shown_time < kept.oldest)
  or exists (select from dead_letters where dead_letters.tenant_id = $1::uuid and dead_letters.received_at < kept.oldest)
  or exists (
    select from runs where runs.tenant_id = $1::uuid and runs.trace_id is null and runs.start_time < kept.oldest
  )
);

-- name: tenant_lock
-- Allows only one transaction at a time to create datasets or experiments in a tenant, because names, ids and creation
-- times are chosen by what already exists. Ingestion is not held up. It locks no row: Citus would lock those of all
-- tenants, on one node. $1 tenant. A repeat holds the lock twice.
select pg_advisory_xact_lock(hashtext('tenant'), hashtext($1::uuid::text));

-- name: tenant_tombstone_find
-- Finds the record that a tenant was deleted. $1 tenant. Reads only.
select deleted_at from tombstones where tenant_id = $1 and kind = 'tenant' and id = $1;

-- name: tenant_tombstone_upsert
-- Records that a tenant is deleted: from then on nothing of it is written. $1 tenant, $2 now. A repeat keeps the first
-- time.
insert into tombstones (tenant_id, kind, id, deleted_at) values ($1, 'tenant', $1, $2)
on conflict (tenant_id, kind, id) do update set deleted_at = tombstones.deleted_at
returning deleted_at;

-- name: tenant_update_name
-- Gives a tenant another name. $1 tenant, $2 name. A repeat changes nothing.
update tenants set name = $2 where id = $1;

-- name: tenant_update_retention
-- Sets for how many days a tenant keeps its traces. $1 tenant, $2 days, or null: for ever. A repeat changes nothing.
update tenants set retention_days = $2 where id = $1;
