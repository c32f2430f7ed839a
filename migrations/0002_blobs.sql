-- compatible
-- Secrets of the installation, which no tenant may see, by name.
create table secrets (
  name text primary key,
  value bytea not null,
  created_at timestamptz not null
);

-- The blobs of each tenant. A row is written once the bytes are in the blob store for good.
create table blobs (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  size bigint not null,
  sha256 bytea not null,
  created_at timestamptz not null,
  primary key (tenant_id, id)
);
