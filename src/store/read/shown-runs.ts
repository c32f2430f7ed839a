import sql, { type Sql } from 'sql-template-tag'
import { anyTenant, tenant } from '../statements.ts'

/*
 * What several statements must see alike, as subqueries that want an alias. The planner makes one query of them and of what
 * is around them. They are texts and no views, because every table in them is bound to the tenant: a view would carry it into
 * its joins, and an engine that puts each tenant's rows on one node would ask all of them.
 * `limit 1` changes no result. It says what the planner cannot know of tables that were just filled: joined plainly, it reads
 * all of the tenant's rows for every row.
 */

/**
 * One row per run item, with the id of the run that it links, or of the root run of the trace that it links, and with what is
 * known of the trace. Bodies lie outside their rows (TOAST), and are read only by a statement that names them.
 */
const linkedRunsOf = (itemTenant: symbol): Sql => sql`(
  select item.tenant_id, item.id as item_id, item.experiment_id, item.example_id, item.external_example_id, item.trace_id,
    item.created_at,
    -- As linked. Null: the whole trace is.
    item.run_id as linked_run_id,
    coalesce(item.run_id, trace.root_run_id) as run_id,
    trace.id is not null as has_trace,
    trace.name as trace_name, trace."timestamp" as trace_timestamp, trace.start_time as trace_start_time,
    trace.end_time as trace_end_time, trace.first_token_time as trace_first_token_time,
    trace.created_at as trace_created_at, trace.error_count as trace_error_count, trace.inputs as trace_inputs,
    trace.inputs_preview as trace_inputs_preview, trace.outputs as trace_outputs,
    trace.outputs_preview as trace_outputs_preview, trace.metadata as trace_metadata, trace.tags as trace_tags,
    trace.thread_id as trace_thread_id, trace.prompt_tokens as trace_prompt_tokens,
    trace.completion_tokens as trace_completion_tokens, trace.total_tokens as trace_total_tokens,
    trace.prompt_cost as trace_prompt_cost, trace.completion_cost as trace_completion_cost,
    trace.total_cost as trace_total_cost
  from run_items as item
  left join lateral (
    select traces.id, traces.root_run_id, traces.name, traces."timestamp", traces.start_time, traces.end_time,
      traces.first_token_time, traces.created_at, traces.error_count, traces.inputs, traces.inputs_preview,
      traces.outputs, traces.outputs_preview, traces.metadata, traces.tags, traces.thread_id, traces.prompt_tokens,
      traces.completion_tokens, traces.total_tokens, traces.prompt_cost, traces.completion_cost, traces.total_cost
    from traces
    where traces.tenant_id = ${anyTenant} and traces.id = item.trace_id
    limit 1
  ) as trace on true
  where item.tenant_id = ${itemTenant}
)`

export const linkedRunsSql: Sql = linkedRunsOf(tenant)

/**
 * One row per run item: its run or, until that has arrived, what is known of it. Columns are called as in `runs`, except that
 * experiment and example are the item's.
 */
const shownRunsOf = (linkedRuns: Sql): Sql => sql`(
  select link.tenant_id, link.item_id, link.experiment_id, link.example_id as reference_example_id,
    link.external_example_id, link.trace_id, link.linked_run_id,
    -- Null until it has arrived.
    run.id as run_id,
    coalesce(run.id, link.linked_run_id, link.trace_id) as id,
    -- A link of a whole trace yields to one of a run in it: they are one execution, told twice.
    link.linked_run_id is null and exists (
      select from run_items as closer
      where closer.tenant_id = ${tenant} and closer.trace_id = link.trace_id
        and closer.experiment_id = link.experiment_id and closer.example_id = link.example_id
        and closer.run_id is not null
    ) as yields,
    -- Its start is the run's own, so no other row changes it.
    coalesce(run.start_time, run.created_at) is not null as is_settled,
    run.parent_run_id,
    coalesce(run.name, case when run.id is null then link.trace_name end, '') as name,
    coalesce(run.run_type, 'chain') as run_type,
    coalesce(
      run.start_time, run.created_at, link.trace_timestamp, link.trace_start_time, link.created_at, link.trace_created_at
    ) as start_time,
    run.created_at,
    case when run.id is not null then run.end_time when link.linked_run_id is null then link.trace_end_time end
      as end_time,
    -- Of the linked run, or of the whole trace where that is linked.
    case
      when link.linked_run_id is null then link.trace_end_time - link.trace_start_time
      else run.end_time - run.start_time
    end as duration,
    case
      when run.id is not null then run.status
      when link.linked_run_id is not null then 'pending'
      when link.trace_error_count > 0 then 'error'
      when link.trace_outputs is not null then 'success'
      else 'pending'
    end as status,
    run.error, run.level, run.status_message,
    case when run.inputs is null and link.linked_run_id is null then link.trace_inputs else run.inputs end as inputs,
    case when run.inputs is null and link.linked_run_id is null then link.trace_inputs_preview else run.inputs_preview end
      as inputs_preview,
    case when run.outputs is null and link.linked_run_id is null then link.trace_outputs else run.outputs end as outputs,
    case when run.outputs is null and link.linked_run_id is null then link.trace_outputs_preview
      else run.outputs_preview end as outputs_preview,
    case when run.id is null then link.trace_metadata else run.metadata end as metadata,
    run.runtime, run.extra, run.events, run.serialized, run.attachments,
    case when run.id is null then link.trace_tags else run.tags end as tags,
    run.dotted_order,
    coalesce(run.thread_id, link.trace_thread_id) as thread_id,
    run.first_token_time,
    case when run.parent_run_id is null then link.trace_prompt_tokens else run.prompt_tokens end as prompt_tokens,
    case when run.parent_run_id is null then link.trace_completion_tokens else run.completion_tokens end
      as completion_tokens,
    case when run.parent_run_id is null then link.trace_total_tokens else run.total_tokens end as total_tokens,
    case when run.parent_run_id is null then link.trace_prompt_cost else run.prompt_cost end as prompt_cost,
    case when run.parent_run_id is null then link.trace_completion_cost else run.completion_cost end as completion_cost,
    case when run.parent_run_id is null then link.trace_total_cost else run.total_cost end as total_cost,
    link.trace_first_token_time,
    link.trace_start_time as trace_min_start_time,
    (
      select max(relative.start_time) from runs as relative
      where relative.tenant_id = ${anyTenant} and relative.trace_id = link.trace_id
    ) as trace_max_start_time
  from ${linkedRuns} as link
  left join lateral (
    select runs.id, runs.parent_run_id, runs.name, runs.run_type, runs.start_time, runs.created_at, runs.end_time,
      runs.status, runs.error, runs.level, runs.status_message, runs.inputs, runs.inputs_preview, runs.outputs,
      runs.outputs_preview, runs.metadata, runs.runtime, runs.extra, runs.events, runs.serialized, runs.attachments,
      runs.tags, runs.dotted_order, runs.thread_id, runs.first_token_time, runs.prompt_tokens, runs.completion_tokens,
      runs.total_tokens, runs.prompt_cost, runs.completion_cost, runs.total_cost
    from runs
    where runs.tenant_id = ${anyTenant} and runs.id = link.run_id
    limit 1
  ) as run on true
)`

export const shownRunsSql: Sql = shownRunsOf(linkedRunsSql)

/** The same inside a fence that looks items up by their trace. */
export const shownRunsByKeySql: Sql = shownRunsOf(linkedRunsOf(anyTenant))

/** One row per execution of an experiment: its own root runs, and the runs that its items link, each once. */
export const executionsSql: Sql = sql`(
  select runs.experiment_id, runs.id as run_id, runs.trace_id
  from runs
  where runs.tenant_id = ${tenant} and runs.parent_run_id is null and runs.trace_id is not null
  union
  select link.experiment_id, link.run_id, link.trace_id
  from ${linkedRunsSql} as link
  where link.has_trace and link.run_id is not null
)`
