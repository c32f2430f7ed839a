-- name: trace_count_overdue
-- Counts traces that began longer ago than their tenant keeps them. $1 tenant, $2 now, $3 up to how many. Reads only.
select count(*) as count from (
  select from traces
  where traces.tenant_id = $1 and traces.shown_time < (
    select $2::timestamptz - make_interval(days => retention_days) from tenants where tenants.id = $1
  )
  limit $3
) as overdue;

-- name: trace_list_deletable
-- Returns which of these traces a deletion within an experiment applies to: those with a run in it, and those of which
-- nothing has arrived yet. $1 tenant, $2 uuid[] traces, $3 experiment or null for any. Reads only.
select asked.id
from unnest($2::uuid[]) as asked (id)
where $3::uuid is null
  or exists (
    select from runs where runs.tenant_id = $1 and runs.trace_id = asked.id and runs.experiment_id = $3
  )
  or not exists (select from runs where runs.tenant_id = $1 and runs.trace_id = asked.id)
order by asked.id;

-- name: trace_list_overdue
-- Lists traces that began longer ago than their tenant keeps them, the oldest first, with how many runs each has. $1 tenant,
-- $2 now, $3 the most rows. Reads only.
select traces.id, traces.run_count from traces
where traces.tenant_id = $1 and traces.shown_time < (
  select $2::timestamptz - make_interval(days => retention_days) from tenants where tenants.id = $1
)
order by traces.shown_time
limit $3;

-- name: trace_list_stored
-- Lists the ids under which these traces are stored: the ids themselves, and the traces of which they are the root run.
-- $1 tenant, $2 uuid[] ids. Reads only.
select given.id from unnest($2::uuid[]) as given (id)
union
select top.trace_id from unnest($2::uuid[]) as given (id)
join runs as top on top.tenant_id = $1 and top.id = given.id
where top.parent_run_id is null and top.trace_id is not null;

-- name: trace_list_with_metadata
-- Lists the traces of an experiment in which some run has this metadata. $1 tenant, $2 experiment, $3 a JSON object
-- that the metadata must contain, $4 the most rows. Reads only.
select distinct trace_id as id
from runs
where tenant_id = $1 and experiment_id = $2 and metadata @> $3::text::jsonb and trace_id is not null
limit $4;

-- name: trace_lock_many
-- Locks traces until the transaction ends, in the order given; those that do not exist are inserted. The condition that is
-- never true leaves rows as they are, after they were locked. $1 tenant, $2 uuid[] traces, sorted. A repeat locks the same
-- rows again.
insert into traces as held (tenant_id, id, v, m)
select $1::uuid, asked.id, 0, 0
from unnest($2::uuid[]) as asked (id)
on conflict (tenant_id, id) do update set v = held.v where false;

-- name: trace_lock_existing
-- Locks those traces that exist until the transaction ends, in the order given: one look-up per key. $1 tenant, $2 uuid[]
-- traces (sorted). A repeat locks the same rows again.
select locked.id
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select traces.id from traces
  where traces.tenant_id = (select $1::uuid) and traces.id = asked.id
  for no key update
) as locked;

-- name: trace_refresh_rollups
-- Computes the roll-ups of traces from their runs, and what the root run says of the trace. Only llm and embedding
-- runs are a source of tokens and cost, because parents repeat their children's. Inserts the traces that do not exist. Of
-- those that exist, it refreshes what has changed when $4 is true; else it only locks them, in the order given, so that a
-- second statement sees the runs of whoever held the lock. One look-up per trace and per root. The root is looked up in its
-- trace: of a tenant that is in no statistics yet all indexes look alike, and by the id alone all of its runs were read for
-- each trace. It is an upsert, because an
-- upsert always finds the row by its key. `excluded.v` says whether the transaction has locked the traces, because what
-- follows a conflict can have no parameters where the tables are spread over nodes; `v` itself is not set there.
-- $1 tenant, $2 uuid[] traces, $3 text[] the client's spellings (same length, sorted), $4 whether the transaction
-- has locked the traces. Returns what was written. A repeat changes nothing.
insert into traces as held (
  tenant_id, id, external_id, v, m, root_run_id, start_time, end_time, first_token_time, run_count, error_count,
  prompt_tokens, completion_tokens, total_tokens, prompt_cost, completion_cost, total_cost, shown_cost, root_name,
  root_user_id, root_thread_id, root_environment, root_tags
)
select $1::uuid, asked.id, asked.external_id, $4::boolean::integer, 0, sums.*, root.*
from unnest($2::uuid[], $3::text[]) as asked (id, external_id)
cross join lateral (
  select $4::boolean or not exists (
    select from traces where traces.tenant_id = (select $1::uuid) and traces.id = asked.id
  ) as is_due
  offset 0
) as trace
cross join lateral (
  select
    (array_agg(runs.id order by runs.id = runs.trace_id desc, runs.start_time nulls last, runs.id)
      filter (where runs.parent_run_id is null))[1] as root_run_id,
    min(runs.start_time) as start_time,
    max(greatest(runs.end_time, runs.start_time)) as end_time,
    min(runs.first_token_time) as first_token_time,
    count(*) as run_count,
    count(*) filter (where runs.status = 'error') as error_count,
    sum(runs.prompt_tokens) filter (where runs.run_type in ('llm', 'embedding')) as prompt_tokens,
    sum(runs.completion_tokens) filter (where runs.run_type in ('llm', 'embedding')) as completion_tokens,
    sum(runs.total_tokens) filter (where runs.run_type in ('llm', 'embedding')) as total_tokens,
    sum(runs.prompt_cost) filter (where runs.run_type in ('llm', 'embedding')) as prompt_cost,
    sum(runs.completion_cost) filter (where runs.run_type in ('llm', 'embedding')) as completion_cost,
    sum(runs.total_cost) filter (where runs.run_type in ('llm', 'embedding')) as total_cost,
    sum(runs.total_cost) filter (
      where (runs.run_type in ('llm', 'embedding') or runs.cost_details is not null) and runs.start_time is not null
    ) as shown_cost
  from runs
  where runs.tenant_id = (select $1::uuid) and runs.trace_id = asked.id and trace.is_due
) as sums
left join lateral (
  select runs.name, runs.user_id, runs.thread_id, runs.environment, runs.tags
  from runs
  where runs.tenant_id = (select $1::uuid) and runs.trace_id = asked.id and runs.id = sums.root_run_id
  offset 0
) as root on true
on conflict (tenant_id, id) do update set
  root_run_id = excluded.root_run_id,
  start_time = excluded.start_time,
  end_time = excluded.end_time,
  first_token_time = excluded.first_token_time,
  run_count = excluded.run_count,
  error_count = excluded.error_count,
  prompt_tokens = excluded.prompt_tokens,
  completion_tokens = excluded.completion_tokens,
  total_tokens = excluded.total_tokens,
  prompt_cost = excluded.prompt_cost,
  completion_cost = excluded.completion_cost,
  total_cost = excluded.total_cost,
  shown_cost = excluded.shown_cost,
  root_name = excluded.root_name,
  root_user_id = excluded.root_user_id,
  root_thread_id = excluded.root_thread_id,
  root_environment = excluded.root_environment,
  root_tags = excluded.root_tags
where excluded.v = 1 and (held.root_run_id, held.start_time, held.end_time, held.first_token_time, held.run_count, held.error_count,
    held.prompt_tokens, held.completion_tokens, held.total_tokens, held.prompt_cost, held.completion_cost,
    held.total_cost, held.shown_cost, held.root_name, held.root_user_id, held.root_thread_id, held.root_environment,
    held.root_tags)
  is distinct from (excluded.root_run_id, excluded.start_time, excluded.end_time, excluded.first_token_time,
    excluded.run_count, excluded.error_count, excluded.prompt_tokens, excluded.completion_tokens,
    excluded.total_tokens, excluded.prompt_cost, excluded.completion_cost, excluded.total_cost, excluded.shown_cost,
    excluded.root_name, excluded.root_user_id, excluded.root_thread_id, excluded.root_environment, excluded.root_tags)
returning held.id, held.run_count;

-- name: trace_rows_delete
-- Deletes traces with everything in them, leaves tombstones of the traces and of their runs, and marks the traces, and
-- where feedback on their runs has counted. $1 tenant, $2 uuid[] traces, $3 now, $4 whether nothing is to be looked for later (the tombstones of
-- the traces count as purged). A repeat deletes rows that arrived in between; tombstones stay.
-- May take minutes.
with gone_runs as (
  delete from runs where tenant_id = $1 and trace_id = any ($2::uuid[]) returning id
),
gone_items as (
  delete from run_items where tenant_id = $1 and trace_id = any ($2::uuid[])
),
gone_feedback as (
  delete from feedback where tenant_id = $1 and trace_id = any ($2::uuid[])
),
-- Joined, not a condition beside the one above: Postgres asks that again of a row that another transaction has changed
-- meanwhile, and refuses to run a deletion for the answer.
gone_feedback_on_runs as (
  delete from feedback
  using gone_runs
  where feedback.tenant_id = $1 and feedback.run_id = gone_runs.id
  returning coalesce(feedback.trace_id, feedback.run_id) as trace_id
),
gone_shares as (
  delete from shares where tenant_id = $1 and kind = 'run' and id in (select id from gone_runs)
),
gone_traces as (
  delete from traces where tenant_id = $1 and id = any ($2::uuid[])
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1::uuid, 'trace', asked.id, $3::timestamptz, case when $4::boolean then $3::timestamptz end from unnest($2::uuid[]) as asked (id)
  union all
  select $1::uuid, 'run', gone_runs.id, $3::timestamptz, $3::timestamptz from gone_runs
  on conflict (tenant_id, kind, id) do nothing
)
insert into dirty_traces (tenant_id, trace_ids)
select $1, array_agg(touched.trace_id)
from (
  select unnest($2::uuid[]) as trace_id
  union
  select gone_feedback_on_runs.trace_id from gone_feedback_on_runs
) as touched;
