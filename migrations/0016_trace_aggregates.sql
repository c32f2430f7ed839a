-- compatible
-- Aggregates that cost what changed (docs/architecture.md 4.7). What each trace adds to an experiment is a row, recomputed
-- from the trace's rows when one of them was written. Only the difference to the row before goes into the experiment's sums.

-- What one trace adds to the aggregates of one experiment (SPEC I10). What belongs to no trace is here under its own id: a run
-- item without a trace, and feedback on the experiment itself. Times between two events are in microseconds.
create table trace_aggregates (
  tenant_id uuid not null,
  experiment_id uuid not null,
  trace_id uuid not null,
  -- The start of the last execution.
  last_start timestamptz,
  activity_first timestamptz,
  activity_last timestamptz,
  activity_end timestamptz,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  run_count integer not null,
  error_count integer not null,
  streaming_count integer not null,
  item_count integer not null,
  activity_items integer not null,
  unsettled_items integer not null,
  prompt_cost numeric,
  completion_cost numeric,
  total_cost numeric,
  latencies bigint[],
  first_tokens bigint[],
  -- [key, label or null, count, count of scores, sum of scores], per key and label, sorted.
  feedback jsonb,
  experiment_feedback jsonb,
  primary key (tenant_id, trace_id, experiment_id)
);
create index trace_aggregates_start on trace_aggregates (tenant_id, experiment_id, last_start);
create index trace_aggregates_first on trace_aggregates (tenant_id, experiment_id, activity_first)
  where activity_first is not null;
create index trace_aggregates_last on trace_aggregates (tenant_id, experiment_id, activity_last)
  where activity_last is not null;
create index trace_aggregates_end on trace_aggregates (tenant_id, experiment_id, activity_end)
  where activity_end is not null;

-- The sums of an experiment over its trace_aggregates, a row per measure that is not zero: n counts what there is, total
-- adds it up. The id is a hash of kind, key and label, because a client's key or label may be too long for an index.
create table experiment_sums (
  tenant_id uuid not null,
  experiment_id uuid not null,
  id uuid not null,
  kind text not null,
  key text,
  label text,
  n bigint not null,
  total numeric,
  primary key (tenant_id, experiment_id, id)
) with (fillfactor = 50);

-- Traces whose rows in trace_aggregates may no longer match their rows. A mark is committed with what it is about. It may
-- also name a run, an item or feedback, where no trace is known. Rows are only inserted and deleted, so that no two
-- workers wait for each other.
create table dirty_traces (
  tenant_id uuid not null,
  id bigint generated always as identity,
  trace_ids uuid[] not null,
  -- Runs left the traces, so their roll-ups are out of date too.
  is_left boolean not null default false,
  primary key (tenant_id, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Tenants of which every trace has to be looked at, and how far that has come.
create table aggregate_passes (
  tenant_id uuid not null,
  id bigint generated always as identity,
  is_begun boolean not null default false,
  last_trace_id uuid,
  primary key (tenant_id, id)
);

-- False: the sums are not complete yet. The statistics are those from before, until the pass is done.
alter table experiment_aggregates add column is_built boolean not null default false;

insert into aggregate_passes (tenant_id) select id from tenants;
delete from experiment_dirty_marks;

-- A worker of an older version marks experiments, and does not say which trace has changed.
create function runmill_pass_for_mark() returns trigger language plpgsql as $$
begin
  insert into aggregate_passes (tenant_id) values (new.tenant_id);
  return null;
end
$$;
create trigger experiment_dirty_marks_passed before insert on experiment_dirty_marks
  for each row execute function runmill_pass_for_mark();

-- What moves to another trace leaves one behind that its writer does not know of.
create function runmill_mark_left_trace() returns trigger language plpgsql as $$
begin
  insert into dirty_traces (tenant_id, trace_ids, is_left) values (old.tenant_id, array[old.trace_id], tg_table_name = 'runs');
  return null;
end
$$;
create trigger runs_left_trace after update on runs for each row
  when (old.trace_id is distinct from new.trace_id and old.trace_id is not null)
  execute function runmill_mark_left_trace();
create trigger run_items_left_trace after update on run_items for each row
  when (old.trace_id is distinct from new.trace_id and old.trace_id is not null)
  execute function runmill_mark_left_trace();
create trigger feedback_left_trace after update on feedback for each row
  when (old.trace_id is distinct from new.trace_id and old.trace_id is not null)
  execute function runmill_mark_left_trace();

-- An item, or feedback, that gets its first trace was here under its own id; feedback on a run, in the run's trace.
create function runmill_mark_left_place() returns trigger language plpgsql as $$
begin
  insert into dirty_traces (tenant_id, trace_ids)
  values (old.tenant_id, array_remove(array[old.id, (to_jsonb(old) ->> 'run_id')::uuid], null));
  return null;
end
$$;
create trigger run_items_left_place after update on run_items for each row
  when (old.trace_id is null and new.trace_id is not null)
  execute function runmill_mark_left_place();
create trigger feedback_left_place after update on feedback for each row
  when (old.trace_id is null and (new.trace_id is not null or old.run_id is distinct from new.run_id))
  execute function runmill_mark_left_place();

-- The bin of a histogram that a time falls into. A bin reaches from 0.99 to 1.01 of its middle. Bins are in the order of
-- the times; 0 has one of its own.
create function runmill_time_bin(microseconds bigint) returns integer
language sql immutable parallel safe as $$
  select case when microseconds = 0 then 0
    else sign(microseconds)::integer * (1 + ceil(ln(abs(microseconds)::double precision) / ln(1.01::double precision / 0.99))::integer)
  end
$$;

-- The middle of a bin, in seconds.
create function runmill_time_of_bin(bin integer) returns double precision
language sql immutable parallel safe as $$
  select case when bin = 0 then 0
    else sign(bin) * 0.99 * power(1.01::double precision / 0.99, abs(bin) - 1) / 1000000
  end
$$;

-- An average that does not depend on the order or the trailing zeros of what was added.
create function runmill_average(total numeric, n bigint) returns double precision
language sql immutable parallel safe as $$
  select (round(total, greatest(scale(trim_scale(total)), 40)) / nullif(n, 0))::double precision
$$;

create or replace function runmill_feedback_stats(points runmill_feedback_point[]) returns jsonb
language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(key, jsonb_build_object('n', n, 'avg', avg, 'values', labels)), '{}')
  from (
    select key, sum(n) as n,
      -- numeric: the sum does not depend on the order of rows.
      runmill_average(sum(score_sum), sum(score_count)::bigint) as avg,
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

-- What one row of trace_aggregates adds to each measure of its experiment. `traces` counts the row itself.
create function runmill_measures(part trace_aggregates)
returns table (kind text, key text, label text, n bigint, total numeric)
language sql immutable parallel safe as $$
  select plain.kind, null::text, null::text, plain.n, plain.total
  from (
    values ('traces', 1::bigint, null::numeric),
      ('runs', part.run_count, null), ('errors', part.error_count, null), ('streaming', part.streaming_count, null),
      ('items', part.item_count, null), ('activity', part.activity_items, null),
      ('unsettled', part.unsettled_items, null),
      ('prompt_tokens', (part.prompt_tokens is not null)::integer, part.prompt_tokens),
      ('completion_tokens', (part.completion_tokens is not null)::integer, part.completion_tokens),
      ('total_tokens', (part.total_tokens is not null)::integer, part.total_tokens),
      ('prompt_cost', (part.prompt_cost is not null)::integer, part.prompt_cost),
      ('completion_cost', (part.completion_cost is not null)::integer, part.completion_cost),
      ('total_cost', (part.total_cost is not null)::integer, part.total_cost)
  ) as plain (kind, n, total)
  where plain.n <> 0
  union all
  select 'latency', runmill_time_bin(microseconds)::text, null, 1, null from unnest(part.latencies) as microseconds
  union all
  select 'first_token', runmill_time_bin(microseconds)::text, null, 1, null from unnest(part.first_tokens) as microseconds
  union all
  select said.kind, point ->> 0, case when said.kind like '%label' then point ->> 1 end, said.n, said.total
  from (
    select '' as level, jsonb_array_elements(part.feedback) as point
    union all
    select 'experiment ', jsonb_array_elements(part.experiment_feedback)
  ) as given
  cross join lateral (
    values (level || 'feedback', (point ->> 2)::bigint, null::numeric),
      (level || 'score', (point ->> 3)::bigint, (point ->> 4)::numeric),
      (level || 'label', case when point ->> 1 is not null then (point ->> 2)::bigint end, null)
  ) as said (kind, n, total)
  where said.n <> 0
$$;

-- The experiments in which a marked trace may count: it has counted there, or some row of it names them. Also of a marked run,
-- item or feedback.
create function runmill_experiments_of(tenant uuid, marked uuid) returns table (experiment_id uuid)
language sql stable parallel safe as $$
  select named.experiment_id
  from (
    select marked as trace_id
    union
    select runs.trace_id from runs where runs.tenant_id = tenant and runs.id = marked and runs.trace_id is not null
  ) as place
  cross join lateral (
    select trace_aggregates.experiment_id from trace_aggregates
    where trace_aggregates.tenant_id = tenant and trace_aggregates.trace_id = place.trace_id
    union all
    select runs.experiment_id from runs where runs.tenant_id = tenant and runs.trace_id = place.trace_id
    union all
    select run_items.experiment_id from run_items
    where run_items.tenant_id = tenant and run_items.trace_id = place.trace_id
    union all
    select feedback.experiment_id from feedback where feedback.tenant_id = tenant and feedback.trace_id = place.trace_id
    offset 0
  ) as named
  union all
  select run_items.experiment_id from run_items where run_items.tenant_id = tenant and run_items.id = marked
  union all
  select feedback.experiment_id from feedback where feedback.tenant_id = tenant and feedback.id = marked
  union all
  select feedback.experiment_id from feedback where feedback.tenant_id = tenant and feedback.run_id = marked
$$;

-- Experiments whose aggregates may not match their rows. An experiment may be here more than once.
create view stale_experiments as
select mark.tenant_id, touched.experiment_id
from dirty_traces as mark
cross join lateral unnest(mark.trace_ids) as named (id)
cross join lateral runmill_experiments_of(mark.tenant_id, named.id) as touched
where touched.experiment_id is not null
union all
select aggregate.tenant_id, aggregate.experiment_id
from experiment_aggregates as aggregate
where not aggregate.is_built;
