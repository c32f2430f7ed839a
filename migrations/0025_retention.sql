-- compatible
-- For how many days a tenant keeps its traces. Null: for ever.
alter table tenants add column retention_days integer check (retention_days > 0);

-- What says that a trace or run was deleted need not be kept longer than what it could be confused with.
create index tombstones_old on tombstones (tenant_id, deleted_at)
where kind in ('trace', 'run') and purged_at is not null;
