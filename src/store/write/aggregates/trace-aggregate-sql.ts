import sql, { type Sql } from 'sql-template-tag'
import { shownRunsByKeySql } from '../../read/shown-runs.ts'
import { anyTenant, tenant } from '../../statements.ts'

/** Refreshes what these traces add to aggregates. @returns a statement whose rows are of ChangedExperiment */
export function traceAggregateRefreshSql(traceIds: readonly string[]): Sql {
  return sql`
-- name: trace_aggregate_refresh
-- Recomputes from the rows what traces add to the aggregates of experiments, and adds what that changes to the sums of
-- the experiments (SPEC I10). Returns the experiments whose sums may have changed, whether times or the number of their
-- executions are among that, and which sums are zero now. Run it under aggregate_lock.
-- Also of runs, items or feedback that were marked because no trace was known. A repeat changes nothing. Everything that counts for a trace is found by the trace: what changes it marks the trace, and nothing else.
-- One look-up per key.
with asked as materialized (
  select given.id as trace_id from unnest(${traceIds}::uuid[]) as given (id)
  -- Most tenants that only trace have nothing that could count.
  where exists (select from experiments where experiments.tenant_id = ${tenant})
    or exists (select from trace_aggregates where trace_aggregates.tenant_id = ${tenant})
    or exists (select from runs where runs.tenant_id = ${tenant} and runs.experiment_id is not null)
    or exists (select from run_items where run_items.tenant_id = ${tenant} and run_items.experiment_id is not null)
    or exists (select from feedback where feedback.tenant_id = ${tenant} and feedback.experiment_id is not null)
  union
  select run.trace_id
  from unnest(${traceIds}::uuid[]) as given (id)
  cross join lateral (
    select runs.trace_id from runs where runs.tenant_id = ${anyTenant} and runs.id = given.id and runs.trace_id is not null
    offset 0
  ) as run
),
held as materialized (
  select trace.*
  from asked
  cross join lateral (
    select traces.id as trace_id, traces.root_run_id, traces.first_token_time, traces.prompt_tokens,
      traces.completion_tokens, traces.total_tokens, trim_scale(traces.prompt_cost) as prompt_cost,
      trim_scale(traces.completion_cost) as completion_cost, trim_scale(traces.total_cost) as total_cost
    from traces
    where traces.tenant_id = ${anyTenant} and traces.id = asked.trace_id
    offset 0
  ) as trace
),
member as materialized (
  select asked.trace_id, run.*
  from asked
  cross join lateral (
    select runs.id, runs.experiment_id, runs.parent_run_id, runs.status, runs.start_time, runs.end_time from runs
    where runs.tenant_id = ${anyTenant} and runs.trace_id = asked.trace_id
    offset 0
  ) as run
),
item as materialized (
  select asked.trace_id, given.*
  from asked
  cross join lateral (
    select run_items.id, run_items.experiment_id, run_items.example_id, run_items.run_id, true as is_linked from run_items
    where run_items.tenant_id = ${anyTenant} and run_items.trace_id = asked.trace_id
    union all
    select lone.id, lone.experiment_id, lone.example_id, lone.run_id, false
    from (
      select run_items.id, run_items.experiment_id, run_items.example_id, run_items.run_id, run_items.trace_id from run_items
      where run_items.tenant_id = ${anyTenant} and run_items.id = asked.trace_id
      offset 0
    ) as lone
    where lone.trace_id is null
    offset 0
  ) as given
  where given.experiment_id is not null
),
-- By the definition of executionsSql.
execution as materialized (
  select member.experiment_id, member.trace_id, member.id as run_id
  from member
  where member.parent_run_id is null and member.experiment_id is not null
  union
  select item.experiment_id, item.trace_id, coalesce(item.run_id, held.root_run_id)
  from item
  join held on held.trace_id = item.trace_id
  where item.is_linked and coalesce(item.run_id, held.root_run_id) is not null
),
execution_sum as (
  select execution.experiment_id, execution.trace_id,
    count(member.id) as run_count,
    count(*) filter (where member.status = 'error') as error_count,
    count(member.id) filter (where held.first_token_time is not null) as streaming_count,
    array_agg(latency.microseconds order by latency.microseconds) filter (where latency.microseconds is not null)
      as latencies,
    array_agg(first_token.microseconds order by first_token.microseconds)
      filter (where first_token.microseconds is not null) as first_tokens,
    max(member.start_time) as last_start,
    -- What a trace used counts where it was executed.
    max(held.prompt_tokens) as prompt_tokens, max(held.completion_tokens) as completion_tokens,
    max(held.total_tokens) as total_tokens, max(held.prompt_cost) as prompt_cost,
    max(held.completion_cost) as completion_cost, max(held.total_cost) as total_cost
  from execution
  left join member on member.trace_id = execution.trace_id and member.id = execution.run_id
  left join held on held.trace_id = execution.trace_id
  cross join lateral (
    select (extract(epoch from member.end_time - member.start_time) * 1000000)::bigint as microseconds
  ) as latency
  cross join lateral (
    select (extract(epoch from held.first_token_time - member.start_time) * 1000000)::bigint as microseconds
  ) as first_token
  group by execution.experiment_id, execution.trace_id
),
item_sum as (
  select item.experiment_id, item.trace_id, count(*) as item_count
  from item
  group by item.experiment_id, item.trace_id
),
-- By the definitions that the lists of experiments and of their items use. A run that is linked with another trace than its
-- own is not known to be settled, because what changes it does not mark the linked trace.
shown as materialized (
  select shown_runs.trace_id, shown_runs.experiment_id, shown_runs.item_id, shown_runs.reference_example_id as example_id,
    shown_runs.run_id, shown_runs.linked_run_id, shown_runs.is_settled, shown_runs.start_time, shown_runs.end_time,
    shown_runs.status, shown_runs.duration, shown_runs.total_tokens, shown_runs.total_cost,
    exists (
      select from member where member.trace_id = shown_runs.trace_id and member.id = shown_runs.run_id
    ) as is_own
  from (select distinct item.trace_id from item where item.is_linked) as linked
  cross join lateral (select * from ${shownRunsByKeySql} as held where held.trace_id = linked.trace_id offset 0) as shown_runs
  where shown_runs.reference_example_id is not null and not shown_runs.yields
    and shown_runs.experiment_id is not null
),
activity as (
  select shown.experiment_id, shown.trace_id, count(*) as activity_items,
    count(*) filter (where not (shown.is_settled and shown.is_own)) as unsettled_items,
    min(shown.start_time) filter (where shown.is_settled and shown.is_own) as activity_first,
    max(shown.start_time) filter (where shown.is_settled and shown.is_own) as activity_last,
    max(greatest(shown.start_time, shown.end_time)) filter (where shown.is_settled and shown.is_own) as activity_end
  from shown
  group by shown.experiment_id, shown.trace_id
),
point as materialized (
  select asked.trace_id, given.*
  from asked
  cross join lateral (
    select feedback.id, feedback.experiment_id, feedback.run_id, feedback.key, feedback.score_number,
      feedback.value_text, feedback.config_id, feedback.comparative_experiment_id, true as is_on_trace, false as is_on_experiment
    from feedback
    where feedback.tenant_id = ${anyTenant} and feedback.trace_id = asked.trace_id
    union all
    select lone.id, lone.experiment_id, null, lone.key, lone.score_number, lone.value_text, lone.config_id,
      lone.comparative_experiment_id, false, true
    from (
      select feedback.* from feedback where feedback.tenant_id = ${anyTenant} and feedback.id = asked.trace_id
      offset 0
    ) as lone
    where lone.run_id is null and lone.trace_id is null
    offset 0
  ) as given
  union all
  select member.trace_id, given.id, given.experiment_id, given.run_id, given.key, given.score_number, given.value_text,
    given.config_id, given.comparative_experiment_id, false, false
  from member
  cross join lateral (
    select feedback.* from feedback where feedback.tenant_id = ${anyTenant} and feedback.run_id = member.id
    offset 0
  ) as given
  where given.trace_id is null
  union all
  -- Until its run has come, or has a trace, which member shows of most. Asked as of tombstones below.
  select waiting.trace_id, given.id, given.experiment_id, given.run_id, given.key, given.score_number, given.value_text,
    given.config_id, given.comparative_experiment_id, false, false
  from (
    select trace_id from asked where not exists (select from member where member.id = asked.trace_id) offset 0
  ) as waiting
  cross join lateral (
    select feedback.* from feedback where feedback.tenant_id = ${anyTenant} and feedback.run_id = waiting.trace_id
    offset 0
  ) as given
  where given.trace_id is null and (
    select true from runs where runs.tenant_id = ${anyTenant} and runs.id = given.run_id and runs.trace_id is not null
  ) is not true
),
-- It counts in the experiment that it names, in that of its run, and in those in which its trace was executed.
counted as (
  select point.experiment_id, point.trace_id, point.id, point.key, point.score_number, point.value_text,
    point.is_on_experiment
  from point
  where point.comparative_experiment_id is null and point.experiment_id is not null and point.key is not null
  union
  select member.experiment_id, point.trace_id, point.id, point.key, point.score_number, point.value_text, false
  from point
  join member on member.trace_id = point.trace_id and member.id = point.run_id
  where point.comparative_experiment_id is null and member.experiment_id is not null and point.key is not null
  union
  select run.experiment_id, point.trace_id, point.id, point.key, point.score_number, point.value_text, false
  from point
  cross join lateral (
    select runs.experiment_id from runs where runs.tenant_id = ${anyTenant} and runs.id = point.run_id
    offset 0
  ) as run
  where point.run_id = point.trace_id and not point.is_on_trace and point.comparative_experiment_id is null
    and run.experiment_id is not null and point.key is not null
  union
  select execution.experiment_id, point.trace_id, point.id, point.key, point.score_number, point.value_text, false
  from point
  join execution on execution.trace_id = point.trace_id
  where point.is_on_trace and point.comparative_experiment_id is null and point.key is not null
),
feedback_sum as (
  select experiment_id, trace_id,
    jsonb_agg(array_point order by key collate "C", value_text collate "C" nulls first) filter (where not is_on_experiment)
      as feedback,
    jsonb_agg(array_point order by key collate "C", value_text collate "C" nulls first) filter (where is_on_experiment)
      as experiment_feedback
  from (
    select experiment_id, trace_id, is_on_experiment, key, value_text,
      jsonb_build_array(
        key, value_text, count(*), count(score_number), trim_scale(sum(score_number::text::numeric))
      ) as array_point
    from counted
    group by experiment_id, trace_id, is_on_experiment, key, value_text
  ) as grouped
  group by experiment_id, trace_id
),
-- What an execution was given of each key: feedback on its run, and on its trace as a whole.
scored as (
  select shown.experiment_id, shown.trace_id, shown.item_id, point.key,
    runmill_average(sum(point.score_number::text::numeric), count(point.score_number)) as score,
    min(point.config_id collate "C") as config_id
  from shown
  join point on point.trace_id = shown.trace_id
  where (point.run_id = shown.run_id or (point.run_id is null and point.is_on_trace))
    and point.key is not null and point.comparative_experiment_id is null and point.score_number is not null
  group by shown.experiment_id, shown.trace_id, shown.item_id, point.key
),
labelled as (
  select experiment_id, trace_id, item_id, key, jsonb_object_agg(label, n) as labels
  from (
    select shown.experiment_id, shown.trace_id, shown.item_id, point.key, point.value_text as label, count(*) as n
    from shown
    join point on point.trace_id = shown.trace_id
    where (point.run_id = shown.run_id or (point.run_id is null and point.is_on_trace))
      and point.key is not null and point.comparative_experiment_id is null and point.score_number is null
      -- Longer ones are texts, and no categories.
      and length(point.value_text) <= 200
    group by shown.experiment_id, shown.trace_id, shown.item_id, point.key, point.value_text
  ) as counted_label
  group by experiment_id, trace_id, item_id, key
),
execution_score as (
  select experiment_id, trace_id, item_id, jsonb_object_agg(key, score) as scores,
    coalesce(jsonb_object_agg(key, config_id) filter (where config_id is not null), '{}') as configs
  from scored
  group by experiment_id, trace_id, item_id
),
execution_label as (
  select experiment_id, trace_id, item_id, jsonb_object_agg(key, labels) as labels
  from labelled
  group by experiment_id, trace_id, item_id
),
item_execution as (
  select experiment_id, trace_id, jsonb_agg(part order by item_id) as executions
  from (
    select shown.experiment_id, shown.trace_id, shown.item_id,
      case
        when shown.is_own or (shown.run_id is null and shown.linked_run_id is null) then jsonb_build_array(
          shown.example_id, shown.item_id, shown.status, (extract(epoch from shown.duration) * 1000000)::bigint,
          shown.total_tokens, trim_scale(shown.total_cost), coalesce(execution_score.scores, '{}'),
          coalesce(execution_label.labels, '{}'), coalesce(execution_score.configs, '{}')
        )
        else jsonb_build_array(shown.example_id, shown.item_id)
      end as part
    from shown
    left join execution_score using (experiment_id, trace_id, item_id)
    left join execution_label using (experiment_id, trace_id, item_id)
    union all
    select item.experiment_id, item.trace_id, item.id, jsonb_build_array(item.example_id, item.id)
    from item
    where not item.is_linked and item.example_id is not null
  ) as each
  group by experiment_id, trace_id
),
fresh as materialized (
  select place.experiment_id, place.trace_id, row(
    ${tenant}::uuid, place.experiment_id, place.trace_id, execution_sum.last_start, activity.activity_first, activity.activity_last,
    activity.activity_end, execution_sum.prompt_tokens, execution_sum.completion_tokens, execution_sum.total_tokens,
    coalesce(execution_sum.run_count, 0)::integer, coalesce(execution_sum.error_count, 0)::integer,
    coalesce(execution_sum.streaming_count, 0)::integer, coalesce(item_sum.item_count, 0)::integer,
    coalesce(activity.activity_items, 0)::integer, coalesce(activity.unsettled_items, 0)::integer, execution_sum.prompt_cost,
    execution_sum.completion_cost, execution_sum.total_cost, execution_sum.latencies, execution_sum.first_tokens, feedback_sum.feedback,
    feedback_sum.experiment_feedback,
    case when item_sum.item_count > 0 then coalesce(item_execution.executions, '[]') end
  )::trace_aggregates as part
  from (
    select experiment_id, trace_id from execution_sum
    union
    select experiment_id, trace_id from item_sum
    union
    select experiment_id, trace_id from feedback_sum
  ) as place
  left join execution_sum using (experiment_id, trace_id)
  left join item_sum using (experiment_id, trace_id)
  left join activity using (experiment_id, trace_id)
  left join feedback_sum using (experiment_id, trace_id)
  left join item_execution using (experiment_id, trace_id)
  -- An experiment that has not come yet counts too, because nothing marks these traces when it does. Written like this,
  -- because the planner takes a join, or 'is null', for so selective that it goes through all the others for each row.
  where (
    select true from tombstones
    where tombstones.tenant_id = ${tenant} and tombstones.kind = 'experiment' and tombstones.id = place.experiment_id
  ) is not true
),
stored as materialized (
  select held.experiment_id, held.trace_id, held.part
  from (
    select trace_id from asked
    union
    -- Under which the feedback was counted until the run had a trace.
    select run_id from point where run_id is not null and not is_on_trace
  ) as place
  cross join lateral (
    select trace_aggregates.experiment_id, trace_aggregates.trace_id, trace_aggregates as part from trace_aggregates
    where trace_aggregates.tenant_id = ${anyTenant} and trace_aggregates.trace_id = place.trace_id
    offset 0
  ) as held
),
changed as materialized (
  select experiment_id, trace_id, stored.part as before, fresh.part as after
  from fresh
  full join stored using (experiment_id, trace_id)
  where fresh.part is distinct from stored.part
),
removed as (
  delete from trace_aggregates
  using changed
  where trace_aggregates.tenant_id = ${tenant} and trace_aggregates.trace_id = changed.trace_id
    and trace_aggregates.experiment_id = changed.experiment_id and (changed.after).tenant_id is null
),
written as (
  insert into trace_aggregates (
    tenant_id, experiment_id, trace_id, last_start, activity_first, activity_last, activity_end, prompt_tokens,
    completion_tokens, total_tokens, run_count, error_count, streaming_count, item_count, activity_items, unsettled_items,
    prompt_cost, completion_cost, total_cost, latencies, first_tokens, feedback, experiment_feedback, executions
  )
  select ${tenant}, part.experiment_id, part.trace_id, part.last_start, part.activity_first, part.activity_last,
    part.activity_end, part.prompt_tokens, part.completion_tokens, part.total_tokens, part.run_count, part.error_count,
    part.streaming_count, part.item_count, part.activity_items, part.unsettled_items, part.prompt_cost,
    part.completion_cost, part.total_cost, part.latencies, part.first_tokens, part.feedback, part.experiment_feedback,
    part.executions
  from changed
  cross join lateral (select (changed.after).*) as part
  where part.tenant_id is not null
  on conflict (tenant_id, trace_id, experiment_id) do update set
    last_start = excluded.last_start,
    activity_first = excluded.activity_first,
    activity_last = excluded.activity_last,
    activity_end = excluded.activity_end,
    prompt_tokens = excluded.prompt_tokens,
    completion_tokens = excluded.completion_tokens,
    total_tokens = excluded.total_tokens,
    run_count = excluded.run_count,
    error_count = excluded.error_count,
    streaming_count = excluded.streaming_count,
    item_count = excluded.item_count,
    activity_items = excluded.activity_items,
    unsettled_items = excluded.unsettled_items,
    prompt_cost = excluded.prompt_cost,
    completion_cost = excluded.completion_cost,
    total_cost = excluded.total_cost,
    latencies = excluded.latencies,
    first_tokens = excluded.first_tokens,
    feedback = excluded.feedback,
    experiment_feedback = excluded.experiment_feedback,
    executions = excluded.executions
),
difference as (
  select changed.experiment_id, measure.kind, measure.key, measure.label, side.sign * measure.n as n,
    side.sign * measure.total as total
  from changed
  cross join lateral (values (-1, changed.before), (1, changed.after)) as side (sign, part)
  cross join lateral runmill_measures(side.part) as measure
  where (side.part).tenant_id is not null
),
added as (
  insert into experiment_sums as held (tenant_id, experiment_id, id, kind, key, label, n, total)
  select ${tenant}, experiment_id,
    encode(substring(sha256(convert_to(jsonb_build_array(kind, key, label)::text, 'UTF8')) for 16), 'hex')::uuid,
    kind, key, label, sum(n), trim_scale(sum(total))
  from difference
  group by experiment_id, kind, key, label
  having sum(n) <> 0 or sum(total) <> 0
  on conflict (tenant_id, experiment_id, id) do update set
    n = held.n + excluded.n,
    total = trim_scale(held.total + excluded.total)
  returning held.experiment_id, held.id, held.n
),
emptied as (select experiment_id, array_agg(id)::text[] as ids from added where n = 0 group by experiment_id)
select changed.experiment_id,
  bool_or(
    (changed.before).tenant_id is null or (changed.after).tenant_id is null
    or (changed.before).run_count <> (changed.after).run_count
    or (changed.before).latencies is distinct from (changed.after).latencies
    or (changed.before).first_tokens is distinct from (changed.after).first_tokens
  ) as is_retimed,
  coalesce(min(emptied.ids), '{}') as empty_ids
from changed left join emptied on emptied.experiment_id = changed.experiment_id
group by changed.experiment_id`
}
