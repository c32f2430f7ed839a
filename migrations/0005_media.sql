-- compatible
-- Contents that Langfuse's clients announce and upload (contracts/langfuse.md 2.15). Text of theirs refers to them by id.
create table media (
  tenant_id uuid not null references tenants (id),
  -- The first 22 characters of the SHA-256 in URL-safe base64.
  id text not null,
  sha256 bytea not null,
  -- Where the bytes are, once they are stored: a row of blobs.
  blob_id uuid not null,
  content_type text not null,
  -- Bytes.
  content_length bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  uploaded_at timestamptz,
  -- What the client has told of its upload.
  upload_http_status integer,
  upload_http_error text,
  upload_time_ms bigint,
  primary key (tenant_id, id)
);
