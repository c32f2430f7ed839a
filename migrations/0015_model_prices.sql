-- compatible
-- Prices of models, and the costs that follow from them (SPEC I14).

-- What a tenant says that models cost, over the prices that ship with the server.
create table model_prices (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  name text not null,
  -- A regular expression that is looked for in the names of models. Postgres never runs it.
  match_pattern text not null,
  -- LangSmith: the parameters of a model's invocation that may hold its name.
  match_path text[] not null,
  -- Null: of any provider.
  provider text,
  -- In force from then on; null: always.
  start_time timestamptz,
  unit text,
  -- [{id, name, isDefault, priority, conditions, prices: {usage key: decimal text, per unit}}]
  tiers json not null,
  -- True: a part of the input or output that has no price of its own costs what its whole does. False: it costs nothing.
  parts_fall_back boolean not null,
  tokenizer_id text,
  tokenizer_config json,
  created_at timestamptz not null,
  primary key (tenant_id, id)
);

-- The version of a tenant's prices. Locked and raised by every change of them, so that workers know when to read them anew.
create table price_tables (
  tenant_id uuid primary key references tenants (id),
  version bigint not null
);

-- Work in the background that prices runs anew, on demand.
create table repricings (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  -- Only runs that started in this time. Null: no bound.
  from_time timestamptz,
  to_time timestamptz,
  requested_at timestamptz not null,
  -- How many runs the tenant had when the work began; null until then.
  runs_total bigint,
  -- How many of them have been looked at, up to the last id, and how many got another cost.
  runs_done bigint not null default 0,
  runs_changed bigint not null default 0,
  last_run_id uuid,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create index repricings_unfinished on repricings (requested_at) where finished_at is null;

-- Where costs are computed: {inputs, costVersion, id, tierId, tierName, input, output, total}.
alter table runs add column price json;

-- What the cost of a run depends on; null where it has none to compute: it is no call of a model, or has no tokens, or
-- its client sent a cost. A run that was priced before is always looked at again.
create function runmill_to_price(run runs) returns json
language sql stable parallel safe as $$
  select case when run.price is not null or (
    run.run_type in ('llm', 'embedding')
    and coalesce(run.total_tokens, run.prompt_tokens, run.completion_tokens) is not null
    and coalesce(run.total_cost, run.prompt_cost, run.completion_cost) is null
    and run.cost_details is null
  ) then json_build_object(
    'runType', run.run_type,
    'model', run.model,
    'provider', coalesce(
      run.metadata ->> 'ls_provider', run.metadata -> 'attributes' ->> 'gen_ai.provider.name',
      run.metadata -> 'attributes' ->> 'gen_ai.system'
    ),
    'invocation', case when run.model is null then run.extra -> 'invocation_params' end,
    'start', coalesce(run.start_time, run.created_at),
    'promptTokens', run.prompt_tokens,
    'completionTokens', run.completion_tokens,
    'totalTokens', run.total_tokens,
    'usageDetails', run.usage_details::text,
    'hasCost', coalesce(run.total_cost, run.prompt_cost, run.completion_cost) is not null or run.cost_details is not null,
    -- The version of the client's word on the cost: bit and slot 32.
    'costVersion', (case when run.m & 4294967296 <> 0 then coalesce(run.fv[33], run.v) end)::text,
    'price', run.price
  ) end
$$;
