-- compatible
-- The core tables. tenant_id is the first column of every primary, unique and foreign key of every tenant table.

create table tenants (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null
);

-- The key is looked up before the tenant is known, so the table's keys do not start with tenant_id.
create table api_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants (id),
  public_key text not null unique,
  secret_hash bytea not null unique,
  scopes text[] not null,
  note text,
  created_at timestamptz not null,
  revoked_at timestamptz
);

create table datasets (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  external_id text,
  name text not null,
  description text,
  data_type text not null default 'kv',
  metadata jsonb,
  inputs_schema json,
  outputs_schema json,
  transformations json,
  externally_managed boolean not null default false,
  baseline_experiment_id uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- The newest version given out. Versions are whole milliseconds apart, because Langfuse's clients see no smaller
  -- unit.
  version_at timestamptz not null,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
create index datasets_created on datasets (tenant_id, created_at desc, id);

-- One row per version of an example. The current one is valid to infinity; a deleted example has none.
create table examples (
  tenant_id uuid not null,
  id uuid not null,
  external_id text,
  dataset_id uuid not null,
  valid_from timestamptz not null,
  valid_to timestamptz not null default 'infinity',
  created_at timestamptz not null,
  -- The position within the request that made this version. Examples of one valid_from are listed in this order.
  ordinal integer not null default 0,
  inputs json,
  outputs json,
  metadata jsonb,
  splits text[] not null default '{base}',
  archived boolean not null default false,
  source_trace_id uuid,
  external_source_trace_id text,
  source_run_id uuid,
  external_source_run_id text,
  -- [{name, blob_id, mime_type, size}], in the order in which they are shown; null when there are none.
  attachments json,
  primary key (tenant_id, id, valid_from),
  foreign key (tenant_id, dataset_id) references datasets (tenant_id, id) on delete cascade
);
create unique index examples_current on examples (tenant_id, id) where valid_to = 'infinity';
create index examples_dataset on examples (tenant_id, dataset_id, valid_from desc, ordinal, id);
create index examples_dataset_current on examples (tenant_id, dataset_id, created_at desc, id)
  where valid_to = 'infinity';
-- Times at which examples were deleted or replaced. The versions of a dataset are these times and those of
-- valid_from.
create index examples_dataset_closed on examples (tenant_id, dataset_id, valid_to) where valid_to < 'infinity';
create index examples_source_trace on examples (tenant_id, source_trace_id) where source_trace_id is not null;
create index examples_source_run on examples (tenant_id, source_run_id) where source_run_id is not null;
-- For lists over all datasets, newest first.
create index examples_current_recent on examples (tenant_id, valid_from desc, ordinal, id)
  where valid_to = 'infinity';

-- Names (tags) of versions of a dataset.
create table dataset_tags (
  tenant_id uuid not null,
  dataset_id uuid not null,
  tag text not null,
  as_of timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, dataset_id, tag),
  foreign key (tenant_id, dataset_id) references datasets (tenant_id, id) on delete cascade
);

create table experiments (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  dataset_id uuid,
  name text not null,
  -- Where the name is unique: the dataset (Langfuse), or the nil UUID for the whole tenant (LangSmith).
  name_scope uuid not null,
  description text,
  metadata jsonb not null default '{}',
  extra json,
  trace_tier text,
  default_dataset_id uuid,
  start_time timestamptz not null,
  end_time timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id),
  unique (tenant_id, name_scope, name)
);
create index experiments_name on experiments (tenant_id, name);
create index experiments_dataset on experiments (tenant_id, dataset_id, created_at desc, id);
-- To find the tenant's next creation time.
create index experiments_created on experiments (tenant_id, created_at desc);
create index experiments_start on experiments (tenant_id, start_time desc, id);

-- The data plane (SPEC I4). v: the newest version met. fv: one version per field; null while every set field has
-- version v. m: one bit per field that was ever set. <map>_v: one version per key of a map; null while every key has
-- the version of the field.
create table runs (
  tenant_id uuid not null,
  id uuid not null,
  external_id text,
  v bigint not null,
  fv bigint[],
  m bigint not null,
  trace_id uuid,
  external_trace_id text,
  experiment_id uuid,
  parent_run_id uuid,
  external_parent_run_id text,
  name text,
  run_type text,
  start_time timestamptz,
  end_time timestamptz,
  inputs json,
  inputs_preview text,
  outputs json,
  outputs_preview text,
  error json,
  events json,
  serialized json,
  tags text[],
  dotted_order text,
  reference_example_id uuid,
  metadata jsonb,
  metadata_v jsonb,
  runtime json,
  runtime_v jsonb,
  extra json,
  extra_v jsonb,
  level text,
  status_message text,
  version text,
  model text,
  model_parameters json,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  prompt_cost numeric,
  completion_cost numeric,
  total_cost numeric,
  usage_details json,
  first_token_time timestamptz,
  thread_id text,
  user_id text,
  prompt_name text,
  prompt_version integer,
  environment text,
  created_at timestamptz,
  updated_at timestamptz,
  -- Name to {blob_id, mime_type, size}.
  attachments json,
  attachments_v jsonb,
  status text not null generated always as (
    case
      when error is not null and error::text not in ('null', '""', 'false') then 'error'
      when level = 'ERROR' then 'error'
      when end_time is not null then 'success'
      else 'pending'
    end
  ) stored,
  primary key (tenant_id, id)
);
create index runs_trace on runs (tenant_id, trace_id, start_time desc);
create index runs_experiment on runs (tenant_id, experiment_id, start_time desc, id);
create index runs_experiment_root on runs (tenant_id, experiment_id, start_time desc, id)
  where parent_run_id is null;
create index runs_without_trace on runs (tenant_id, parent_run_id) where trace_id is null;
create index runs_example on runs (tenant_id, reference_example_id, start_time desc, id)
  where reference_example_id is not null;
-- A thread consists of the root runs of its traces.
create index runs_thread on runs (tenant_id, experiment_id, thread_id)
  where parent_run_id is null and thread_id is not null;

create table traces (
  tenant_id uuid not null,
  id uuid not null,
  external_id text,
  v bigint not null,
  fv bigint[],
  m bigint not null,
  timestamp timestamptz,
  experiment_id uuid,
  name text,
  user_id text,
  thread_id text,
  release text,
  version text,
  is_public boolean,
  environment text,
  tags text[],
  metadata jsonb,
  metadata_v jsonb,
  inputs json,
  inputs_preview text,
  outputs json,
  outputs_preview text,
  created_at timestamptz,
  updated_at timestamptz,
  -- Roll-ups. They are recomputed from the trace's runs in the transaction that changes those.
  root_run_id uuid,
  start_time timestamptz,
  end_time timestamptz,
  first_token_time timestamptz,
  run_count integer not null default 0,
  error_count integer not null default 0,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  prompt_cost numeric,
  completion_cost numeric,
  total_cost numeric,
  primary key (tenant_id, id)
);
create index traces_timestamp on traces (tenant_id, timestamp desc, id);
create index traces_experiment on traces (tenant_id, experiment_id);

create table run_items (
  tenant_id uuid not null,
  id uuid not null,
  external_id text,
  v bigint not null,
  fv bigint[],
  m bigint not null,
  experiment_id uuid,
  dataset_id uuid,
  example_id uuid,
  trace_id uuid,
  external_trace_id text,
  run_id uuid,
  external_run_id text,
  example_version timestamptz,
  created_at timestamptz,
  primary key (tenant_id, id)
);
create index run_items_experiment on run_items (tenant_id, experiment_id, created_at desc, id);
create index run_items_example on run_items (tenant_id, experiment_id, example_id);
create index run_items_trace on run_items (tenant_id, trace_id);

create table feedback (
  tenant_id uuid not null,
  id uuid not null,
  external_id text,
  v bigint not null,
  fv bigint[],
  m bigint not null,
  run_id uuid,
  external_run_id text,
  trace_id uuid,
  external_trace_id text,
  experiment_id uuid,
  thread_id text,
  key text,
  score json,
  score_number double precision,
  value json,
  value_text text,
  data_type text,
  comment text,
  correction json,
  source_type text,
  source json,
  config_id text,
  queue_id text,
  environment text,
  metadata jsonb,
  metadata_v jsonb,
  extra json,
  comparative_experiment_id uuid,
  feedback_group_id uuid,
  run_start_time timestamptz,
  timestamp timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  primary key (tenant_id, id)
);
-- Partial: otherwise the planner looks for feedback on traces here by `run_id is null`, and reads all that the tenant
-- has.
create index feedback_run on feedback (tenant_id, run_id) where run_id is not null;
create index feedback_trace on feedback (tenant_id, trace_id);
-- For feedback on a trace as a whole.
create index feedback_trace_level on feedback (tenant_id, trace_id) where run_id is null;
create index feedback_experiment on feedback (tenant_id, experiment_id, key);
create index feedback_created on feedback (tenant_id, created_at desc, id);

-- For feedback that compares runs, by its comparison.
create index feedback_comparative on feedback (tenant_id, comparative_experiment_id, key)
  where comparative_experiment_id is not null;

-- What the scores of a key mean. A deleted config keeps its row until the key is configured again.
create table feedback_configs (
  tenant_id uuid not null references tenants (id),
  key text not null,
  config json not null,
  is_lower_score_better boolean not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, key)
);

-- Links that take feedback on a run from whoever has them. The token is derived from the id and a secret.
create table feedback_tokens (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  token_hash bytea not null,
  run_id uuid not null,
  key text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id)
);
create index feedback_tokens_run on feedback_tokens (tenant_id, run_id, created_at, id);
-- A token is looked up before the tenant is known. The index is not unique, because a unique key must start with the
-- tenant.
create index feedback_tokens_hash on feedback_tokens (token_hash);

-- Experiments on one dataset that evaluators compared pair by pair. Their feedback names the comparison.
create table comparative_experiments (
  tenant_id uuid not null,
  id uuid not null,
  dataset_id uuid not null,
  experiment_ids uuid[] not null,
  name text,
  description text,
  extra json,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, dataset_id) references datasets (tenant_id, id) on delete cascade
);
create index comparative_experiments_dataset on comparative_experiments (tenant_id, dataset_id, created_at desc, id);

-- Recomputed from rows and never incremented, so that rebuilding from nothing gives the same bytes (SPEC I10).
create table experiment_aggregates (
  tenant_id uuid not null,
  experiment_id uuid not null,
  item_count bigint not null,
  run_count bigint not null,
  error_count bigint not null,
  streaming_count bigint not null,
  latency_p50 double precision,
  latency_p99 double precision,
  first_token_p50 double precision,
  first_token_p99 double precision,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  prompt_cost numeric,
  completion_cost numeric,
  total_cost numeric,
  last_run_start_time timestamptz,
  feedback_stats jsonb not null,
  experiment_feedback_stats jsonb not null,
  primary key (tenant_id, experiment_id)
);

-- Rows are only inserted and deleted, so that two workers of one experiment never wait for each other.
create table experiment_dirty_marks (
  tenant_id uuid not null,
  experiment_id uuid not null,
  id bigint generated always as identity,
  primary key (tenant_id, experiment_id, id)
);

create table dead_letters (
  tenant_id uuid not null,
  id uuid not null,
  kind text not null,
  row_id uuid not null,
  reason text not null,
  event text not null,
  received_at timestamptz not null,
  created_at timestamptz not null,
  primary key (tenant_id, id)
);

-- Deletes win (SPEC I11): what is listed here is not written again. dataset_id and name serve to count the deletions
-- of a name.
create table tombstones (
  tenant_id uuid not null,
  kind text not null,
  id uuid not null,
  dataset_id uuid,
  name text,
  deleted_at timestamptz not null,
  purged_at timestamptz,
  primary key (tenant_id, kind, id)
);
create index tombstones_name on tombstones (tenant_id, dataset_id, name) where kind = 'experiment';
create index tombstones_unpurged on tombstones (tenant_id, kind, id) where purged_at is null;

-- What anyone who has the token may read: a run with its descendants (kind 'run'), or a dataset (kind 'dataset').
create table shares (
  tenant_id uuid not null references tenants (id),
  kind text not null,
  id uuid not null,
  token uuid not null,
  created_at timestamptz not null,
  primary key (tenant_id, kind, id)
);
-- A token is looked up before the tenant is known. The index is not unique, because a unique key must start with the
-- tenant.
create index shares_token on shares (token);

-- The union of two tag lists, sorted by code point; null when there is no tag.
create function runmill_union(a text[], b text[]) returns text[]
language sql immutable parallel safe as $$
  select nullif(array(select distinct tag collate "C" from unnest(a || b) as tag order by 1), '{}')
$$;

-- Every key of two maps with its version and value, of which the newest wins. Without a clock, all keys have the
-- map's version.
create function runmill_map_newest(a json, ac jsonb, av bigint, b json, bc jsonb, bv bigint)
returns table (key text, value json, version bigint)
language sql immutable parallel safe as $$
  select distinct on (key collate "C") key, value, version
  from (
    select key, value, coalesce((ac ->> key)::bigint, av) as version from json_each(a)
    union all
    select key, value, coalesce((bc ->> key)::bigint, bv) from json_each(b)
  ) as entry
  order by key collate "C", version desc
$$;

create function runmill_map_merge(a json, ac jsonb, av bigint, b json, bc jsonb, bv bigint) returns json
language sql immutable parallel safe as $$
  select ('{' || string_agg(to_json(key)::text || ':' || value::text, ',' order by key collate "C") || '}')::json
  from runmill_map_newest(a, ac, av, b, bc, bv)
$$;

create function runmill_map_clock(a json, ac jsonb, av bigint, b json, bc jsonb, bv bigint) returns jsonb
language sql immutable parallel safe as $$
  select jsonb_object_agg(key, version::text) from runmill_map_newest(a, ac, av, b, bc, bv)
$$;

-- Feedback statistics per key: {"<key>": {"n": 9, "avg": 0.66, "values": {"CORRECT": 6}}} (contracts/langsmith.md 2.7.4).
create type runmill_feedback_point as (key text, score double precision, label text);

create function runmill_feedback_stats(points runmill_feedback_point[]) returns jsonb
language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(key, jsonb_build_object('n', n, 'avg', avg, 'values', labels)), '{}')
  from (
    select key, sum(n) as n,
      -- numeric: the sum does not depend on the order of rows.
      (sum(score_sum) / nullif(sum(score_count), 0))::double precision as avg,
      coalesce(jsonb_object_agg(label, n) filter (where label is not null), '{}') as labels
    from (
      select key, label, count(*) as n, count(score) as score_count, sum(score::numeric) as score_sum
      from unnest(points) as point
      where key is not null
      group by key, label
    ) as per_label
    group by key
  ) as per_key
$$;
