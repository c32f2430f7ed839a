-- compatible
-- What refers to a blob, so that one to which nothing refers can be removed.

-- When the content was last stored, or announced while it was stored. What refers to it may not be written yet.
alter table blobs add column used_at timestamptz not null default now();
update blobs set used_at = created_at;

-- Blobs that may have lost their last reference. Rows are only inserted and deleted, as in experiment_dirty_marks.
create table blob_marks (
  tenant_id uuid not null,
  blob_id uuid not null,
  id bigint generated always as identity,
  created_at timestamptz not null,
  primary key (tenant_id, blob_id, id)
);

-- The blobs of the attachments of an example (a list) or a run (a map by name); null when there are none.
create function runmill_blob_ids(attachments json) returns uuid[]
language sql immutable strict parallel safe as $$
  select array_agg((file ->> 'blob_id')::uuid)
  from (
    select value from json_each(case json_typeof(attachments) when 'object' then attachments end)
    union all
    select value from json_array_elements(case json_typeof(attachments) when 'array' then attachments end)
  ) as attachment (file)
$$;
-- Without fastupdate, because with it every search goes through up to 4 MB of what was inserted last.
create index runs_blobs on runs using gin (runmill_blob_ids(attachments)) with (fastupdate = off)
  where attachments is not null;
create index runs_with_attachments on runs (tenant_id, experiment_id) where attachments is not null;
create index examples_blobs on examples using gin (runmill_blob_ids(attachments)) with (fastupdate = off)
  where attachments is not null;

-- The media that texts mention: "@@@langfuseMedia:type=image/png|id=<22 characters>|source=bytes@@@"; null when there
-- are none.
create function runmill_media_ids(texts text[]) returns text[]
language sql immutable strict parallel safe as $$
  select array_agg(distinct id)
  from unnest(texts) as mentioning (said),
    regexp_matches(said, '@@@langfuseMedia:([^@]*)@@@', 'g') as reference (members),
    substring(members[1] from '(?:^|\|)id=([A-Za-z0-9_-]{22})(?:\||$)') as id
  where id is not null
$$;
create index examples_media on examples
  using gin (runmill_media_ids(array[inputs::text, outputs::text, metadata::text])) with (fastupdate = off)
  where inputs::text like '%@@@langfuseMedia:%' or outputs::text like '%@@@langfuseMedia:%'
    or metadata::text like '%@@@langfuseMedia:%';

-- The traces that content was announced for. Their texts are not searched.
create table media_traces (
  tenant_id uuid not null,
  media_id text not null,
  trace_id uuid not null,
  primary key (tenant_id, media_id, trace_id),
  foreign key (tenant_id, media_id) references media (tenant_id, id) on delete cascade
);
create index media_traces_trace on media_traces (tenant_id, trace_id);
-- False: announced before traces were recorded, so it stays.
alter table media add column knows_traces boolean not null default false;
alter table media alter column knows_traces set default true;
create index media_blob on media (tenant_id, blob_id);

-- The events that name a blob and may be replayed.
create index dead_letters_blobs on dead_letters (tenant_id) where event like '%blob_id%';
