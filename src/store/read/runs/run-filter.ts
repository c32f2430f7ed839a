import sql, { empty, raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { anyTenant, tenant } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { filterSql, type FilterSource } from '../filter/filter-sql.ts'
import { runsByName, runsByTag } from './found-runs.ts'

/**
 * The filter as a condition on a row of `runs`, by what LangSmith's clients see of it. A null result counts as false.
 */
export function runFilterSql(filter: Filter, alias: string, window?: FeedbackWindow): Sql {
  return filterSql(filter, runSource(alias, window))
}

/** When feedback was last changed. */
export interface FeedbackWindow {
  /** Inclusive. */
  from?: Timestamp | undefined
  /** Exclusive. */
  before?: Timestamp | undefined
}

/**
 * The attributes by which a run on this alias can be filtered (contracts/langsmith.md 4.2).
 * @param window only feedback that was changed in this time counts; absent: all
 */
export function runSource(alias: string, { from, before }: FeedbackWindow = {}): FilterSource {
  const run = raw(alias)
  const changed = (operator: string, time: Timestamp | undefined) =>
    time === undefined
      ? empty
      : sql` and filter_feedback.updated_at ${raw(operator)} ${time}::text::timestamptz`
  const isRoot = sql`(${run}.parent_run_id is null and ${run}.trace_id is not null)`
  const ofRun = (column: string) => sql`${run}.${raw(column)}`
  const ofTrace = (column: Sql) =>
    sql`case when ${isRoot} then (select ${column} from traces filter_trace where filter_trace.tenant_id = ${anyTenant} and filter_trace.id = ${run}.trace_id)`
  const rolledUp = (column: string) => {
    const whole = sql`case when filter_trace.root_run_id = ${run}.id then filter_trace.${raw(column)} else ${ofRun(column)} end`
    return sql`${ofTrace(whole)} else ${ofRun(column)} end`
  }
  // Every view shows 0 for a run without tokens.
  const tokens = (column: string) => sql`coalesce(${rolledUp(column)}, 0)`
  const firstTokenTime = sql`coalesce(${run}.first_token_time, ${ofTrace(sql`filter_trace.first_token_time`)} end)`
  const seconds = (time: Sql) => sql`extract(epoch from ${time} - ${run}.start_time)`
  return {
    columns: {
      id: ofRun('id'),
      trace_id: { sql: ofRun('trace_id'), storedIds: storedTraceIds },
      parent_run_id: ofRun('parent_run_id'),
      experiment_id: ofRun('experiment_id'),
      reference_example_id: ofRun('reference_example_id'),
      // Any version will do, because an example never moves to another dataset.
      reference_dataset_id: sql`(select filter_example.dataset_id from examples filter_example where filter_example.tenant_id = ${anyTenant} and filter_example.id = ${run}.reference_example_id limit 1)`,
      name: { sql: ofRun('name'), found: runsByName },
      run_type: ofRun('run_type'),
      status: ofRun('status'),
      thread_id: ofRun('thread_id'),
      start_time: ofRun('start_time'),
      end_time: ofRun('end_time'),
      first_token_time: firstTokenTime,
      latency: seconds(ofRun('end_time')),
      first_token_latency: seconds(firstTokenTime),
      is_root: isRoot,
      prompt_tokens: tokens('prompt_tokens'),
      completion_tokens: tokens('completion_tokens'),
      total_tokens: tokens('total_tokens'),
      prompt_cost: rolledUp('prompt_cost'),
      completion_cost: rolledUp('completion_cost'),
      total_cost: rolledUp('total_cost'),
      inputs: { sql: ofRun('inputs'), preview: ofRun('inputs_preview') },
      outputs: { sql: ofRun('outputs'), preview: ofRun('outputs_preview') },
      error: { sql: ofRun('error'), status: ofRun('status') },
      tags: { sql: ofRun('tags'), found: runsByTag },
      metadata: ofRun('metadata'),
    },
    feedback: {
      rows: sql`${feedbackOfSql(ofRun('id'), sql`case when ${isRoot} then ${run}.trace_id end`)} as filter_feedback
      where filter_feedback.comparative_experiment_id is null${changed('>=', from)}${changed('<', before)}`,
      idsWith: runIdsWithFeedback,
    },
  }
}

/**
 * The ids under which runs of these traces are stored: the ids themselves, and the traces of which they name the root run,
 * as LangSmith's clients do (contracts/langsmith.md 3.7).
 */
export function storedTraceIds(ids: readonly string[]): Sql {
  return sql`array${storedTracesSql(ids)}`
}

/** The same as rows, with a column `id`. */
export function storedTracesSql(ids: readonly string[]): Sql {
  return sql`(
    select given.id from unnest(${ids}::uuid[]) as given (id)
    union
    select top.trace_id from unnest(${ids}::uuid[]) as given (id)
    cross join lateral (
      select runs.trace_id, runs.parent_run_id from runs
      where runs.tenant_id = ${anyTenant} and runs.id = given.id
      offset 0
    ) as top
    where top.parent_run_id is null and top.trace_id is not null
  )`
}

/** Selects the runs that have feedback, and the root runs of the traces that have feedback themselves. */
function runIdsWithFeedback(condition: Sql, limit: number): Sql {
  const targets = (column: string, where: string) => sql`
  select filter_feedback.${raw(column)}
  from feedback as filter_feedback
  where filter_feedback.tenant_id = ${tenant} and ${raw(where)}
    and filter_feedback.comparative_experiment_id is null and ${condition}
  limit ${limit}`
  // The second select is not read when the first already gives more than few.
  return sql`select few.run_id from (
(${targets('run_id', 'filter_feedback.run_id is not null')})
union all
(
  select root.id as run_id
  from (${targets('trace_id', 'filter_feedback.run_id is null and filter_feedback.trace_id is not null')}) as whole
  cross join lateral (
    select runs.id, runs.parent_run_id from runs
    where runs.tenant_id = ${anyTenant} and runs.trace_id = whole.trace_id
    offset 0
  ) as root
  -- Not part of the inner select: a planner without statistics would read all root runs of the tenant for each trace.
  where root.parent_run_id is null
)
) as few`
}
