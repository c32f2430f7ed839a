-- name: run_count_of_experiments
-- Counts the runs that some experiments have together, up to a limit. $1 tenant, $2 uuid[] experiments, $3 the limit.
-- Reads only.
select count(*) as count from (
  select from runs where tenant_id = $1 and experiment_id = any ($2::uuid[]) limit $3
) as counted;

-- name: run_delete_of_experiment
-- Purges some runs of a deleted experiment, with their feedback and the traces that become empty, and marks their traces.
-- $1 tenant, $2 experiment, $3 the most runs. A repeat purges the next ones.
-- May take minutes.
with gone as (
  delete from runs
  where runs.tenant_id = $1
    and runs.id in (select id from runs where tenant_id = $1 and experiment_id = $2 limit $3)
  returning runs.id, runs.trace_id
),
gone_feedback as (
  delete from feedback
  using gone
  where feedback.tenant_id = $1 and feedback.run_id = gone.id
  returning coalesce(feedback.trace_id, feedback.run_id) as trace_id
),
gone_traces as (
  delete from traces
  where traces.tenant_id = $1
    and traces.id in (select trace_id from gone)
    and not exists (
      select from runs
      where runs.tenant_id = $1 and runs.trace_id = traces.id and runs.id not in (select id from gone)
    )
),
kept_traces as (
  -- Traces that still have other runs stay. The cost of the deleted runs, and what a deleted root run said of the
  -- trace, are removed from them.
  update traces
  set shown_cost = kept.cost,
    root_run_id = case when kept.has_root then traces.root_run_id end,
    root_name = case when kept.has_root then traces.root_name end,
    root_user_id = case when kept.has_root then traces.root_user_id end,
    root_thread_id = case when kept.has_root then traces.root_thread_id end,
    root_environment = case when kept.has_root then traces.root_environment end,
    root_tags = case when kept.has_root then traces.root_tags end
  from (
    select held.id, bool_or(runs.id = held.root_run_id) as has_root,
      sum(runs.total_cost) filter (
        where (runs.run_type in ('llm', 'embedding') or runs.cost_details is not null) and runs.start_time is not null
      ) as cost
    from traces as held
    join runs on runs.tenant_id = $1 and runs.trace_id = held.id and runs.id not in (select id from gone)
    where held.tenant_id = $1 and held.id in (select trace_id from gone)
    group by held.id
  ) as kept
  where traces.tenant_id = $1 and traces.id = kept.id
),
marked as (
  insert into dirty_traces (tenant_id, trace_ids, is_left)
  select $1, array_agg(touched.trace_id), true
  from (
    select gone.trace_id from gone where gone.trace_id is not null
    union
    select gone_feedback.trace_id from gone_feedback
  ) as touched
  having count(*) > 0
)
select id from gone;

-- name: run_delete_overdue
-- Deletes some runs without a trace that began longer ago than their tenant keeps traces, with the feedback on them.
-- $1 tenant, $2 now, $3 the most runs. A repeat deletes the next ones.
with gone as (
  delete from runs where tenant_id = $1 and trace_id is null and id = any (array(
    select held.id from runs as held
    where held.tenant_id = $1 and held.trace_id is null and held.start_time < (
      select $2::timestamptz - make_interval(days => retention_days) from tenants where tenants.id = $1
    )
    limit $3
  ))
  returning id
), unsaid as (
  delete from feedback where tenant_id = $1 and run_id = any (array(select gone.id from gone))
)
select id from gone;

-- name: run_find
-- Reads one run of an existing experiment with the roll-ups of its trace (for a root run), its feedback (for a root
-- run, also what was given to its trace and to no run) and its share.
-- A fragment, which has no name, type or start time because it is an update whose create has not arrived, is not shown.
-- $1 tenant, $2 run. Reads only.
select run.id, run.tenant_id, run.trace_id, run.experiment_id, run.parent_run_id, run.name, run.run_type, run.status,
  run.start_time, run.end_time, run.created_at, run.inputs, run.inputs_preview, run.outputs, run.outputs_preview,
  run.error, run.status_message, run.level, run.events, run.serialized, run.tags, run.dotted_order,
  run.reference_example_id, run.metadata, run.runtime, run.extra, run.attachments, run.usage_details, run.cost_details,
  run.first_token_time, run.thread_id, run.price ->> 'id' as price_id, experiments.trace_tier,
  case when traces.root_run_id = run.id then traces.prompt_tokens else run.prompt_tokens end as prompt_tokens,
  case when traces.root_run_id = run.id then traces.completion_tokens else run.completion_tokens end as completion_tokens,
  case when traces.root_run_id = run.id then traces.total_tokens else run.total_tokens end as total_tokens,
  case when traces.root_run_id = run.id then traces.prompt_cost else run.prompt_cost end as prompt_cost,
  case when traces.root_run_id = run.id then traces.completion_cost else run.completion_cost end as completion_cost,
  case when traces.root_run_id = run.id then traces.total_cost else run.total_cost end as total_cost,
  traces.start_time as trace_min_start_time,
  (
    select example.dataset_id
    from examples as example
    where example.tenant_id = (select $1::uuid) and example.id = run.reference_example_id
    limit 1
  ) as reference_dataset_id,
  exists (
    select from examples as example where example.tenant_id = (select $1::uuid) and example.source_run_id = run.id
  ) as in_dataset,
  (
    select share.token from shares as share where share.tenant_id = $1 and share.kind = 'run' and share.id = run.id
  ) as share_token,
  (
    select runmill_feedback_stats(
      array_agg((feedback.key, feedback.score_number, feedback.value_text)::runmill_feedback_point)
    )
    from (
      select own.* from feedback as own where own.tenant_id = (select $1::uuid) and own.run_id = run.id
      union all
      select whole.* from feedback as whole
      where whole.tenant_id = (select $1::uuid) and whole.trace_id = run.trace_id and whole.run_id is null and root.is_root
    ) as feedback
    where feedback.comparative_experiment_id is null
  ) as feedback_stats
from runs as run
join experiments on experiments.tenant_id = $1 and experiments.id = run.experiment_id
left join traces on traces.tenant_id = (select $1::uuid) and traces.id = run.trace_id
cross join lateral (select run.parent_run_id is null and traces.id is not null as is_root) as root
where run.tenant_id = (select $1::uuid) and run.id = $2
  and (run.name is not null or run.run_type is not null or run.start_time is not null);

-- name: run_find_trace
-- Finds the trace of a run. No row when the run is unknown; nulls while its trace is. $1 tenant, $2 run. Reads only.
select trace_id, external_trace_id from runs where tenant_id = (select $1::uuid) and id = $2;

-- name: run_list_example_roots
-- Returns, of root runs that execute an example, what makes a run item of each. The upsert tells which runs these are
-- (upsert-sql.ts). One look-up per key. $1 tenant, $2 uuid[] runs. Reads only.
select run.*, experiment.dataset_id
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select runs.id, runs.external_id, runs.experiment_id, runs.reference_example_id,
    runs.metadata ->> 'example_version' as example_version, coalesce(runs.start_time, runs.created_at) as created_at
  from runs
  where runs.tenant_id = (select $1::uuid) and runs.id = asked.id
  offset 0
) as run
cross join lateral (
  select experiments.dataset_id from experiments
  where experiments.tenant_id = $1 and experiments.id = run.experiment_id
  offset 0
) as experiment;

-- name: run_list_ancestors
-- Lists some runs and their ancestors, up to the first that has a dotted order. $1 tenant, $2 uuid[] runs, $3 the most
-- steps up, which ends cycles. One look-up per run and step. Reads only.
with recursive ancestor (id, parent_run_id, dotted_order, start_time, created_at, steps) as (
  select run.*, 1
  from unnest($2::uuid[]) as asked (id)
  cross join lateral (
    select runs.id, runs.parent_run_id, runs.dotted_order, runs.start_time, runs.created_at from runs
    where runs.tenant_id = (select $1::uuid) and runs.id = asked.id
    offset 0
  ) as run
  union
  select parent.*, ancestor.steps + 1
  from ancestor
  cross join lateral (
    select runs.id, runs.parent_run_id, runs.dotted_order, runs.start_time, runs.created_at from runs
    where runs.tenant_id = (select $1::uuid) and runs.id = ancestor.parent_run_id
    offset 0
  ) as parent
  where ancestor.dotted_order is null and ancestor.steps < $3::bigint
)
select distinct id, parent_run_id, dotted_order, start_time, created_at from ancestor;

-- name: run_list_metadata_values
-- The most frequent metadata values of an experiment's runs, by key. $1 tenant, $2 experiment, $3 text[] keys (null:
-- the 200 most frequent), $4 values per key, $5 roots only, $6 earliest start of a run, or null. Reads only.
with entry as materialized (
  select entry.key, entry.value, count(*) as n
  from runs
  cross join lateral jsonb_each_text(
    case when jsonb_typeof(runs.metadata) = 'object' then runs.metadata else '{}' end
  ) as entry
  where runs.tenant_id = $1 and runs.experiment_id = $2
    and (not $5::boolean or (runs.parent_run_id is null and runs.trace_id is not null))
    and ($6::timestamptz is null or runs.start_time >= $6::timestamptz)
    and ($3::text[] is null or entry.key = any ($3::text[]))
    and entry.value is not null
  group by entry.key, entry.value
),
wanted as (
  select key from entry group by key order by sum(n) desc, key collate "C" limit case when $3::text[] is null then 200 end
),
placed as (
  select key, value, row_number() over (partition by key order by n desc, value collate "C") as place
  from entry
  where key in (select key from wanted)
)
select key, array_agg(value order by place) as values
from placed
where place <= $4::bigint
group by key
order by key collate "C";

-- name: run_list_relatives
-- The trees of runs of some traces: every run with its position. $1 tenant, $2 uuid[] traces. Reads only.
select run.*
from (select distinct unnest($2::uuid[]) as id) as asked
cross join lateral (
  select runs.trace_id, runs.id, runs.parent_run_id, runs.dotted_order, runs.start_time, runs.created_at from runs
  where runs.tenant_id = (select $1::uuid) and runs.trace_id = asked.id
  offset 0
) as run;

-- name: run_list_thread_ends
-- For each thread of an experiment, the inputs of its first root run, the outputs and the error of its last one, and the
-- error of the last one that failed. $1 tenant, $2 experiment, $3 text[] threads, $4 earliest start of a run, or null,
-- $5 exclusive upper bound of the start, or null. Reads only.
select asked.thread_id, first_run.trace_id as first_trace_id, first_run.inputs_preview as first_inputs,
  last_run.trace_id as last_trace_id, last_run.outputs_preview as last_outputs, last_run.error as last_error,
  failed.error as last_failure, failed.level as last_failure_level, failed.status_message as last_failure_message
from unnest($3::text[]) as asked (thread_id)
cross join lateral (
  select trace_id, inputs_preview
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = asked.thread_id
    and parent_run_id is null and trace_id is not null and start_time is not null
    and start_time >= coalesce($4::timestamptz, '-infinity') and start_time < coalesce($5::timestamptz, 'infinity')
  order by start_time, id desc
  limit 1
) as first_run
cross join lateral (
  select trace_id, outputs_preview, error
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = asked.thread_id
    and parent_run_id is null and trace_id is not null and start_time is not null
    and start_time >= coalesce($4::timestamptz, '-infinity') and start_time < coalesce($5::timestamptz, 'infinity')
  order by start_time desc, id
  limit 1
) as last_run
left join lateral (
  select error, level, status_message
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = asked.thread_id
    and parent_run_id is null and trace_id is not null and start_time is not null and status = 'error'
    and start_time >= coalesce($4::timestamptz, '-infinity') and start_time < coalesce($5::timestamptz, 'infinity')
  order by start_time desc, id
  limit 1
) as failed on true;

-- name: run_list_thread_turns
-- The places of some root runs among all root runs of their thread, oldest first, from 1. $1 tenant, $2 experiment,
-- $3 thread, $4 uuid[] runs. Reads only.
select turn.id, turn.place
from (
  select id, row_number() over (order by start_time, trace_id, id) as place
  from runs
  where tenant_id = $1 and experiment_id = $2 and thread_id = $3
    and parent_run_id is null and trace_id is not null and start_time is not null
) as turn
where turn.id = any ($4::uuid[]);

-- name: run_list_orphans
-- Lists runs that have no trace_id, because they named only a parent, and whose parent is one of these. One look-up per
-- key. $1 tenant, $2 uuid[] runs. Reads only.
select child.*
from unnest($2::uuid[]) as parent (id)
cross join lateral (
  select runs.id from runs
  where runs.tenant_id = (select $1::uuid) and runs.parent_run_id = parent.id and runs.trace_id is null
  offset 0
) as child;

-- name: run_list_traceless
-- Lists those of these runs that have no trace_id and whose parent has a trace; also their descendants, all the way down.
-- Each comes with the trace and the dotted order that follow from the parent. One look-up per key.
-- $1 tenant, $2 uuid[] runs. Reads only.
with recursive candidate (id, parent_run_id, start_time) as (
  select run.id, run.parent_run_id, run.start_time
  from unnest($2::uuid[]) as asked (id)
  cross join lateral (
    select runs.id, runs.parent_run_id, runs.start_time, runs.trace_id from runs
    where runs.tenant_id = (select $1::uuid) and runs.id = asked.id
    offset 0
  ) as run
  where run.trace_id is null
),
resolved (id, trace_id, external_trace_id, dotted_order) as (
  select candidate.id, parent.trace_id, parent.external_trace_id,
    parent.dotted_order || '.' || to_char(candidate.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"')
      || candidate.id
  from candidate
  cross join lateral (
    select runs.trace_id, runs.external_trace_id, runs.dotted_order from runs
    where runs.tenant_id = (select $1::uuid) and runs.id = candidate.parent_run_id and runs.trace_id is not null
    offset 0
  ) as parent
  union
  select child.id, resolved.trace_id, resolved.external_trace_id,
    resolved.dotted_order || '.' || to_char(child.start_time at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS"Z"')
      || child.id
  from resolved
  cross join lateral (
    select runs.id, runs.start_time from runs
    where runs.tenant_id = (select $1::uuid) and runs.parent_run_id = resolved.id and runs.trace_id is null
    offset 0
  ) as child
)
select distinct on (id) * from resolved order by id;

-- name: run_lock_of_traces
-- Locks the runs of traces in the order of their keys. Transactions that delete runs and transactions that write runs
-- both take these locks first. $1 tenant, $2 uuid[] traces. A repeat locks the same rows again.
select id from runs where tenant_id = $1 and trace_id = any ($2::uuid[]) order by id for update;

-- name: run_update_trace_many
-- Gives runs the trace of their parent. Clock and mask stay as they are, so that a trace_id which a client sends later
-- still replaces this one. $1 tenant, $2 uuid[] runs, $3 uuid[] traces, $4 text[] the client's spellings of the
-- traces, $5 text[] dotted orders (same length). A repeat changes nothing.
update runs
set trace_id = given.trace_id,
  external_trace_id = given.external_trace_id,
  dotted_order = coalesce(runs.dotted_order, given.dotted_order)
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) as given (id, trace_id, external_trace_id, dotted_order)
where runs.tenant_id = case when given.id is not null then $1::uuid end and runs.id = given.id
  -- Written so that no plan goes through the few runs that wait, which may be many when they come before their parents.
  and (runs.trace_id is null) is not false
returning runs.id, runs.trace_id;
