-- compatible
-- Which way a score is better, as somebody has told Runmill. It is beside the configs of scores, because those are the
-- vendors': Langfuse's have no direction, and LangSmith's say "higher" where their client said nothing.
create table score_directions (
  tenant_id uuid not null references tenants (id),
  key text not null,
  is_lower_better boolean not null,
  updated_at timestamptz not null,
  primary key (tenant_id, key)
);
