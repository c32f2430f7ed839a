-- compatible
-- Content that Langfuse's clients announce and upload (contracts/langfuse.md 2.15). Texts of theirs refer to it by
-- id.
create table media (
  tenant_id uuid not null references tenants (id),
  -- The first 22 characters of the SHA-256 in URL-safe base64.
  id text not null,
  sha256 bytea not null,
  -- The row of blobs with the bytes, once they are stored.
  blob_id uuid not null,
  content_type text not null,
  -- In bytes.
  content_length bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  uploaded_at timestamptz,
  -- What the client reported about its upload.
  upload_http_status integer,
  upload_http_error text,
  upload_time_ms bigint,
  primary key (tenant_id, id)
);
