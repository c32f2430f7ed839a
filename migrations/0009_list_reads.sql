-- breaking
-- Columns and indexes for lists over everything of a tenant, so that no row needs a look at its neighbours.

-- What the root run says about its trace. Of a trace about which no client has said anything, it is all there is.
alter table traces
  add column root_name text,
  add column root_user_id text,
  add column root_thread_id text,
  add column root_environment text,
  add column root_tags text[];
update traces
set root_name = root.name, root_user_id = root.user_id, root_thread_id = root.thread_id,
  root_environment = root.environment, root_tags = root.tags
from runs as root
where root.tenant_id = traces.tenant_id and root.id = traces.root_run_id;

-- The cost of the trace's observations as Langfuse's clients see it: of those of models, and those that a client gave
-- costs.
alter table traces add column shown_cost numeric;
update traces
set shown_cost = sums.cost
from (
  select tenant_id, trace_id, sum(total_cost) as cost
  from runs
  where (run_type in ('llm', 'embedding') or cost_details is not null) and start_time is not null
  group by tenant_id, trace_id
) as sums
where sums.tenant_id = traces.tenant_id and sums.trace_id = traces.id;

-- Columns of their own, because an index alone can answer for a column but not for an expression. 16: a client has
-- said which thread the trace is in, or that it is in none.
alter table traces
  add column shown_time timestamptz generated always as (coalesce("timestamp", start_time)) stored,
  add column shown_thread_id text
    generated always as (case when m & 16 <> 0 then thread_id else root_thread_id end) stored;

drop index traces_time;
create index traces_time on traces (tenant_id, shown_time desc, id);
drop index traces_thread;
create index traces_thread on traces (tenant_id, shown_thread_id, shown_time, id) where shown_thread_id is not null;
-- What traces are most often filtered by. Cut, because a client's text is not bounded, and an index entry is.
create index traces_name
  on traces (tenant_id, left(case when m & 4 <> 0 then name else root_name end, 200), shown_time desc, id)
  where left(case when m & 4 <> 0 then name else root_name end, 200) is not null;
create index traces_user
  on traces (tenant_id, left(case when m & 8 <> 0 then user_id else root_user_id end, 200), shown_time desc, id)
  where left(case when m & 8 <> 0 then user_id else root_user_id end, 200) is not null;
-- Nothing reads by this index any more: every list goes by shown_time.
drop index traces_timestamp;
-- Replaced by traces.root_thread_id.
drop index runs_root_thread;

-- In the order of lists of feedback: what has no time comes last.
drop index feedback_created;
create index feedback_created on feedback (tenant_id, created_at desc nulls last, id);

-- For the failed runs of a project, or of all projects.
create index runs_failed on runs (tenant_id, experiment_id, start_time desc, id) where status = 'error';

-- When the executions of an experiment began and ended, over its run items. Null items: not computed yet, or some
-- execution is known by its trace alone, whose time can still change.
alter table experiment_aggregates
  add column activity_items bigint,
  add column activity_first timestamptz,
  add column activity_last timestamptz,
  add column activity_end timestamptz;

-- score::numeric keeps 15 digits, but clients send 17.
create or replace function runmill_feedback_stats(points runmill_feedback_point[]) returns jsonb
language sql immutable parallel safe
as $$
  select coalesce(jsonb_object_agg(key, jsonb_build_object('n', n, 'avg', avg, 'values', labels)), '{}')
  from (
    select key, sum(n) as n,
      -- numeric: the sum does not depend on the order of rows.
      (sum(score_sum) / nullif(sum(score_count), 0))::double precision as avg,
      coalesce(jsonb_object_agg(label, n) filter (where label is not null), '{}') as labels
    from (
      select key, label, count(*) as n, count(score) as score_count, sum(score::text::numeric) as score_sum
      from unnest(points) as point
      where key is not null
      group by key, label
    ) as per_label
    group by key
  ) as per_key
$$;
insert into experiment_dirty_marks (tenant_id, experiment_id)
select tenant_id, experiment_id from experiment_aggregates;
