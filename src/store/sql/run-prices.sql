-- name: repricing_find
-- Reads how far a repricing is. $1 tenant, $2 id. Reads only.
select id, requested_at, runs_total, runs_done, runs_changed, finished_at
from repricings
where tenant_id = $1 and id = $2;

-- name: repricing_insert
-- Asks for a repricing. $1 tenant, $2 id, $3 from, $4 to (or null), $5 now. A repeat violates the primary key.
insert into repricings (tenant_id, id, from_time, to_time, requested_at) values ($1, $2, $3, $4, $5);

-- name: repricing_list_unfinished
-- Lists repricings that have work left, the oldest first, whoever's they are. $1 the most rows. Reads only.
select tenant_id, id from repricings where finished_at is null order by requested_at limit $1;

-- name: repricing_lock
-- Reads a repricing that has work left, and locks it until the transaction ends. $1 tenant, $2 id. A repeat changes
-- nothing.
select id, from_time, to_time, runs_total, last_run_id
from repricings
where tenant_id = $1 and id = $2 and finished_at is null
for update;

-- name: repricing_update_progress
-- Keeps how far a repricing is. $1 tenant, $2 id, $3 how many runs were looked at, $4 how many changed, $5 the last run
-- looked at, $6 when it ended, or null. A repeat counts the runs again; it is in one transaction with what it counts.
update repricings
set runs_done = runs_done + $3, runs_changed = runs_changed + $4, last_run_id = coalesce($5, last_run_id),
  finished_at = $6
where tenant_id = $1 and id = $2;

-- name: repricing_update_total
-- Counts the runs of a tenant when a repricing begins. $1 tenant, $2 id. A repeat counts again.
-- May take minutes.
update repricings
set runs_total = (select count(*) from runs where runs.tenant_id = $1)
where tenant_id = $1 and id = $2 and runs_total is null;

-- name: run_list_attributes
-- Reads what conditions of prices ask for. $1 tenant, $2 uuid[] runs. Reads only.
select run.*
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select runs.id, runs.model_parameters, runs.metadata from runs
  where runs.tenant_id = (select $1::uuid) and runs.id = asked.id
  offset 0
) as run;

-- name: run_list_by_id
-- Lists the ids of a tenant's runs in their order. $1 tenant, $2 the last run before the page, or null, $3 the most
-- rows. Reads only.
select id from runs where tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3;

-- name: run_lock_to_price
-- Locks those of some runs that may have a cost to compute, in the order of their keys, and reads what it depends on.
-- $1 tenant, $2 uuid[] runs, $3 from, $4 to: when they started, or null. A repeat locks the same rows again.
select locked.*
from (select distinct unnest($2::uuid[]) as id order by id) as asked
cross join lateral (
  select run.id, run.trace_id, case when run.price is not null or (
      coalesce(run.total_tokens, run.prompt_tokens, run.completion_tokens) is not null
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
    ) end as to_price
  from runs as run
  where run.tenant_id = (select $1::uuid) and run.id = asked.id
    and ($3::timestamptz is null or run.start_time >= $3)
    and ($4::timestamptz is null or run.start_time < $4)
    and (run.price is not null or run.run_type in ('llm', 'embedding'))
  for no key update
) as locked;

-- name: run_update_price_many
-- Writes computed costs to runs that the transaction has locked. Returns those that changed. $1 tenant, $2 uuid[] runs, $3 text[] whether only the price is set, because the cost is the client's, $4 text[] costs of the
-- input, $5 of the output, $6 of all, $7 text[] details, $8 text[] prices (same length). A repeat changes nothing.
update runs set
  prompt_cost = given.prompt_cost, completion_cost = given.completion_cost, total_cost = given.total_cost,
  cost_details = given.cost_details, price = given.price
from (
  select held.id,
    case when keeps::boolean then held.prompt_cost else priced.prompt_cost::numeric end as prompt_cost,
    case when keeps::boolean then held.completion_cost else priced.completion_cost::numeric end as completion_cost,
    case when keeps::boolean then held.total_cost else priced.total_cost::numeric end as total_cost,
    case when keeps::boolean then held.cost_details else priced.cost_details::json end as cost_details,
    priced.price::json as price
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    as priced (id, keeps, prompt_cost, completion_cost, total_cost, cost_details, price)
  cross join lateral (
    select runs.id, runs.prompt_cost, runs.completion_cost, runs.total_cost, runs.cost_details
    from runs where runs.tenant_id = (select $1::uuid) and runs.id = priced.id
    offset 0
  ) as held
) as given
where runs.tenant_id = case when given.id is not null then $1::uuid end and runs.id = given.id
  and (runs.prompt_cost, runs.completion_cost, runs.total_cost, runs.cost_details::text, runs.price::text)
    is distinct from
    (given.prompt_cost, given.completion_cost, given.total_cost, given.cost_details::text, given.price::text)
returning runs.id;
