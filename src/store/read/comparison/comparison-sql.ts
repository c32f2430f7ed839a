import { inline } from '../bridge.ts'
import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Parameter } from '../../statements.ts'
import type { ComparisonKey, ComparisonPlace, ComparisonQuery } from './comparison.ts'
import { feedbackSelection } from '../feedback/feedback.ts'
import type { Bind } from '../filter/filter-condition-sql.ts'
import { runFilterSql } from '../filter/run-filter-sql.ts'

/** A statement composed at run time. */
export interface Composed {
  text: string
  parameters: Parameter[]
}

/**
 * One row per run item: the run that it links, the root run of the trace that it links, or, as long as neither has
 * arrived, what is known of it. Columns are called as in `runs`, except that experiment and example are the item's.
 * Bodies are read only by a statement that names them (TOAST). `limit 1` says what the planner cannot know of tables
 * that were just filled: joined plainly, it reads all of the tenant's traces for every item.
 */
export const itemRun = `(
  select item.tenant_id, item.experiment_id, item.example_id as reference_example_id, item.trace_id,
    coalesce(run.id, item.run_id, item.trace_id) as id,
    run.parent_run_id,
    coalesce(run.name, case when run.id is null then trace.name end, '') as name,
    coalesce(run.run_type, 'chain') as run_type,
    coalesce(run.start_time, run.created_at, trace.timestamp, trace.start_time, item.created_at, trace.created_at)
      as start_time,
    run.created_at,
    case
      when run.id is not null then run.end_time
      when item.run_id is null then trace.end_time
    end as end_time,
    case
      when run.id is not null then run.status
      when item.run_id is not null then 'pending'
      when trace.error_count > 0 then 'error'
      when trace.outputs is not null then 'success'
      else 'pending'
    end as status,
    run.error, run.level, run.status_message,
    case when run.inputs is null and item.run_id is null then trace.inputs else run.inputs end as inputs,
    case when run.inputs is null and item.run_id is null then trace.inputs_preview else run.inputs_preview end
      as inputs_preview,
    case when run.outputs is null and item.run_id is null then trace.outputs else run.outputs end as outputs,
    case when run.outputs is null and item.run_id is null then trace.outputs_preview else run.outputs_preview end
      as outputs_preview,
    case when run.id is null then trace.metadata else run.metadata end as metadata,
    run.runtime, run.extra, run.events, run.serialized, run.attachments,
    case when run.id is null then trace.tags else run.tags end as tags,
    run.dotted_order,
    coalesce(run.thread_id, trace.thread_id) as thread_id,
    run.first_token_time,
    case when run.parent_run_id is null then trace.prompt_tokens else run.prompt_tokens end as prompt_tokens,
    case when run.parent_run_id is null then trace.completion_tokens else run.completion_tokens end
      as completion_tokens,
    case when run.parent_run_id is null then trace.total_tokens else run.total_tokens end as total_tokens,
    case when run.parent_run_id is null then trace.prompt_cost else run.prompt_cost end as prompt_cost,
    case when run.parent_run_id is null then trace.completion_cost else run.completion_cost end as completion_cost,
    case when run.parent_run_id is null then trace.total_cost else run.total_cost end as total_cost,
    trace.start_time as trace_min_start_time,
    (
      select max(relative.start_time) from runs as relative
      where relative.tenant_id = item.tenant_id and relative.trace_id = item.trace_id
    ) as trace_max_start_time
  from run_items as item
  left join lateral (
    select traces.* from traces where traces.tenant_id = item.tenant_id and traces.id = item.trace_id limit 1
  ) as trace on true
  left join lateral (
    select runs.* from runs
    where runs.tenant_id = item.tenant_id and runs.id = coalesce(item.run_id, trace.root_run_id)
    limit 1
  ) as run on true
)`

const lightColumns = [
  'id',
  'tenant_id',
  'experiment_id',
  'reference_example_id',
  'trace_id',
  'parent_run_id',
  'name',
  'run_type',
  'start_time',
  'end_time',
  'created_at',
  'status',
  'error',
  'level',
  'status_message',
  'inputs_preview',
  'outputs_preview',
  'metadata',
  'runtime',
  'extra',
  'events',
  'serialized',
  'attachments',
  'tags',
  'dotted_order',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_cost',
  'completion_cost',
  'total_cost',
  'trace_min_start_time',
  'trace_max_start_time',
]

/** The runs of these examples in the experiments, filtered, in the order in which they are shown. */
export function itemRunText(
  query: ComparisonQuery,
  exampleIds: string[],
  { isPreview }: { isPreview: boolean },
): Composed {
  const { parameters, bind } = composition(query)
  const columns = lightColumns.map((column) => `run.${column}`)
  columns.push(
    ...(isPreview ? ['null as inputs', 'null as outputs'] : ['run.inputs', 'run.outputs']),
  )
  const text = `
    select ${columns.join(', ')}
    from ${itemRun} as run
    where run.tenant_id = $1 and run.experiment_id = any($2::uuid[])
      and run.reference_example_id = any($${parameters.push(exampleIds)}::uuid[])
      ${shownRuns(query, 'run', bind)}
    order by run.start_time, run.dotted_order, run.id`
  return { text, parameters }
}

/**
 * Keys of the examples that have a run item in the experiments, in the order in which they are shown. The work is
 * bounded by the items of the experiments, whatever the dataset or the tables hold.
 */
export function exampleKeyText(query: ComparisonQuery, place: ComparisonPlace): Composed {
  const { parameters, bind } = composition(query)
  const wanted =
    query.exampleIds === null
      ? ''
      : `and item.example_id = any($${parameters.push(query.exampleIds)}::uuid[])`
  const matching = [...query.filters].map(([experimentId, filter]) =>
    someRunMatches(experimentId, filter, bind),
  )
  const [score, rank] = scoreSql(query, bind)
  const after = place.after === null ? '' : `and ${afterSql(place.after, query, parameters)}`
  const text = `
    select id, created_at, score
    from (
      select example.id, example.created_at, ${score} as score
      from (
        select distinct item.example_id as id
        from run_items as item
        where item.tenant_id = $1 and item.experiment_id = any($2::uuid[]) ${wanted}
      ) as candidate
      cross join lateral (
        select examples.id, examples.created_at, examples.dataset_id
        from examples
        where examples.tenant_id = $1 and examples.id = candidate.id
        order by examples.valid_from desc
        limit 1
      ) as example
      where example.dataset_id = $${parameters.push(query.datasetId)}::uuid ${matching.join(' ')}
      -- Keeps the score from being computed once per mention of it.
      offset 0
    ) as example
    where true ${after}
    order by ${rank}created_at desc, id
    limit $${parameters.push(place.limit)} offset $${parameters.push(place.offset)}`
  return { text, parameters }
}

/** A run that is shown, and its trace. */
export interface FeedbackTarget {
  id: string
  traceId: string
}

/** The feedback that `feedback_count_compared.sql` counts, row by row, oldest first. */
export function feedbackText(
  query: ComparisonQuery,
  targets: readonly FeedbackTarget[],
  detail: 'comparative' | 'all',
): Composed {
  const parameters: Parameter[] = [
    query.tenantId,
    targets.map((target) => target.id),
    targets.map((target) => target.traceId),
  ]
  const bind: Bind = (value) => `$${parameters.push(value)}`
  const condition =
    detail === 'all' || query.comparativeExperimentId === null
      ? comparativeSql(query, bind)
      : `feedback.comparative_experiment_id = ${bind(query.comparativeExperimentId)}::uuid`
  const text = `
    select target.run_id as compared_run_id, ${feedbackSelection}
    from unnest($2::uuid[], $3::uuid[]) as target (run_id, trace_id)
    cross join lateral ${feedbackOf('target.run_id', 'target.trace_id')} as feedback
    left join runs as run on run.tenant_id = feedback.tenant_id and run.id = feedback.run_id
    where feedback.key is not null and ${condition}
    order by feedback.created_at, feedback.id`
  return { text, parameters }
}

/** The tenant is $1, the experiments are $2. */
function composition({ tenantId, experimentIds }: ComparisonQuery): {
  parameters: Parameter[]
  bind: Bind
} {
  const parameters: Parameter[] = [tenantId, experimentIds]
  return { parameters, bind: (value) => `$${parameters.push(value)}` }
}

/** Conditions on item runs: an experiment with a filter shows its matching runs only. */
export function shownRuns(
  { filters }: Pick<ComparisonQuery, 'filters'>,
  alias: string,
  bind: Bind,
): string {
  const conditions = [...filters].map(
    ([experimentId, filter]) =>
      `and (${alias}.experiment_id <> ${bind(experimentId)}::uuid or (${inline(runFilterSql(filter, alias), bind)}) is true)`,
  )
  return conditions.join(' ')
}

/** Not `exists`: the planner turns that into a join, whose order it cannot choose well for tables just filled. */
function someRunMatches(experimentId: string, filter: RunFilter, bind: Bind): string {
  return `and (
    select true from ${itemRun} as run
    where run.tenant_id = $1 and run.experiment_id = ${bind(experimentId)}::uuid
      and run.reference_example_id = candidate.id and ${inline(runFilterSql(filter, 'run'), bind)}
    limit 1)`
}

/**
 * The value that examples are sorted by, and its part of ORDER BY: the mean of the key's scores over the runs that
 * are shown. numeric: it does not depend on the order of rows.
 */
function scoreSql(query: ComparisonQuery, bind: Bind): [score: string, rank: string] {
  if (query.sort === null) return ['null::double precision', '']
  const comparative = comparativeSql(query, bind)
  const score = `(
    select avg(point.score_number::text::numeric)::double precision
    from (
      select distinct feedback.id, feedback.score_number
      from ${itemRun} as run
      cross join lateral ${feedbackOf('run.id', 'run.trace_id')} as feedback
      where run.tenant_id = $1 and run.experiment_id = any($2::uuid[])
        and run.reference_example_id = candidate.id
        and feedback.key = ${bind(query.sort.feedbackKey)} and ${comparative}
        ${shownRuns(query, 'run', bind)}
    ) as point)`
  return [score, `score is null, ${rankSql(query.sort.order)}, `]
}

/**
 * Feedback on a run, and on its trace and no run. As one condition it would be an `or`, for which the planner has
 * worse plans; `offset 0` keeps others' conditions from tempting it to other indexes.
 */
function feedbackOf(runId: string, traceId: string): string {
  return `(
      select feedback.* from feedback where feedback.tenant_id = $1 and feedback.run_id = ${runId}
      union all
      select feedback.* from feedback
      where feedback.tenant_id = $1 and feedback.trace_id = ${traceId} and feedback.run_id is null
      offset 0
    )`
}

/** Condition on `feedback`: plain, or of the comparison that is asked for. */
export function comparativeSql(
  { comparativeExperimentId }: Pick<ComparisonQuery, 'comparativeExperimentId'>,
  bind: Bind,
): string {
  const none = 'feedback.comparative_experiment_id is null'
  if (comparativeExperimentId === null) return none
  return `(${none} or feedback.comparative_experiment_id = ${bind(comparativeExperimentId)}::uuid)`
}

function rankSql(order: 'asc' | 'desc'): string {
  return order === 'asc' ? 'coalesce(score, 0)' : 'coalesce(-score, 0)'
}

/** Everything behind this key, in the order above. */
function afterSql(key: ComparisonKey, { sort }: ComparisonQuery, parameters: Parameter[]): string {
  const place = (value: Parameter) => `$${parameters.push(value)}`
  const createdAt = `${place(key.createdAt)}::timestamptz`
  const older = `(created_at < ${createdAt} or (created_at = ${createdAt} and id > ${place(key.id)}::uuid))`
  if (sort === null) return older
  const ranks = `(score is null, ${rankSql(sort.order)})`
  const rank = key.score === null ? 0 : sort.order === 'asc' ? key.score : -key.score
  const keyRanks = `(${place(key.score === null)}::boolean, ${place(rank)}::double precision)`
  return `(${ranks} > ${keyRanks} or (${ranks} = ${keyRanks} and ${older}))`
}
