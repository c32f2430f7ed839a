-- compatible
-- Langfuse's scores and their configs, and the costs of a run apart from its tokens.

-- The rules for scores that name a config (contracts/langfuse.md 2.6.1).
create table score_configs (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  name text not null,
  -- NUMERIC, CATEGORICAL, BOOLEAN or TEXT.
  data_type text not null,
  is_archived boolean not null default false,
  description text,
  min_value double precision,
  max_value double precision,
  -- [{label, value}], for CATEGORICAL and BOOLEAN.
  categories json,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);
create index score_configs_created on score_configs (tenant_id, created_at desc, id);

alter table feedback add column external_experiment_id text;
-- Scores are listed by the time that they are about. Feedback from other clients has only the time of its creation.
create index feedback_time on feedback (tenant_id, (coalesce(timestamp, created_at)) desc, id);
create index feedback_thread on feedback (tenant_id, thread_id) where thread_id is not null;

alter table runs add column cost_details json;
-- Costs were set together with tokens (bit and slot 23, counted from 0). Now they are a field of their own (32).
update runs set m = m | 4294967296, fv[33] = fv[24] where m & 8388608 <> 0 and fv is not null;
update runs set m = m | 4294967296 where m & 8388608 <> 0 and fv is null;
