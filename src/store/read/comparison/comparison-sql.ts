import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import { anyTenant, tenant } from '../../statements.ts'
import type { ComparisonKey, ComparisonPlace, ComparisonQuery } from './comparison-query.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { feedbackSelection } from '../feedback/feedback.ts'
import { runFilterSql } from '../runs/run-filter.ts'
import { linkedRunsSql, shownRunsSql } from '../shown-runs.ts'

const lightColumns = [
  'id',
  'run_id',
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

/** Lists the runs of these examples in the experiments. */
export function comparisonRunSql(
  query: ComparisonQuery,
  exampleIds: string[],
  { isPreview }: { isPreview: boolean },
): Sql {
  const columns = lightColumns.map((column) => `run.${column}`)
  columns.push(
    ...(isPreview ? ['null as inputs', 'null as outputs'] : ['run.inputs', 'run.outputs']),
  )
  return sql`
-- name: comparison_run_list
-- The runs that some experiments show for some examples, in the order in which they are shown; of an experiment with
-- a filter, only the runs that match it. Reads only.
select ${raw(columns.join(', '))}
from ${shownRunsSql} as run
where run.experiment_id = any(${query.experimentIds}::uuid[])
  and run.reference_example_id = any(${exampleIds}::uuid[])
  ${shownSql(query)}
order by run.start_time, run.dotted_order, run.id`
}

/**
 * Lists the keys of examples. The work is bounded by the items of the experiments, however large the dataset and the
 * tables are.
 */
export function comparisonKeySql(query: ComparisonQuery, place: ComparisonPlace): Sql {
  const wanted =
    query.exampleIds === null ? empty : sql`and item.example_id = any(${query.exampleIds}::uuid[])`
  const matching = [...query.filters].map(([experimentId, filter]) =>
    someRunMatches(experimentId, filter),
  )
  const { score, rank } = scoreSql(query)
  const after = place.after === null ? empty : sql`where ${afterSql(place.after, query)}`
  return sql`
-- name: comparison_key_list
-- One page of the examples of a dataset that have a run item in some experiments, in the order in which they are shown.
-- Reads only.
select id, created_at, score
from (
  select example.id, example.created_at, ${score} as score
  from (
    select distinct item.example_id as id
    from run_items as item
    where item.tenant_id = ${tenant} and item.experiment_id = any(${query.experimentIds}::uuid[]) ${wanted}
  ) as candidate
  cross join lateral (
    select examples.id, examples.created_at, examples.dataset_id
    from examples
    where examples.tenant_id = ${anyTenant} and examples.id = candidate.id
    order by examples.valid_from desc
    limit 1
  ) as example
  where example.dataset_id = ${query.datasetId}::uuid ${allOf(matching)}
  -- Keeps the score from being computed once per mention of it.
  offset 0
) as example
${after}
order by ${rank}created_at desc, id
limit ${place.limit}::bigint offset ${place.offset}::bigint`
}

/** A run that is shown, and its trace. */
export interface FeedbackTarget {
  id: string
  traceId: string
}

/** Counts the feedback of runs per key. */
export function feedbackCountComparedSql(
  query: ComparisonQuery,
  targets: readonly FeedbackTarget[],
): Sql {
  return sql`
-- name: feedback_count_compared
-- The numbers of the feedback of runs per key: what was given to the run itself, or to its trace and to no run. Feedback of
-- a comparison counts only when that comparison is asked for. No run is asked for twice. Reads only.
-- The reader builds the JSON objects, because JSON aggregates take 25 us per run here.
select target.run_id, feedback.key, count(*) as n,
  -- The values are numeric, so the sum does not depend on the order of rows.
  (sum(feedback.score_number::text::numeric) / nullif(count(feedback.score_number), 0))::double precision as avg,
  array_agg(feedback.value_text) filter (where feedback.value_text is not null) as labels
from ${targetsSql(targets)}
where feedback.key is not null and ${comparativeSql(query)}
group by target.run_id, feedback.key
order by target.run_id, feedback.key collate "C"`
}

/** Lists the keys of the feedback on the runs that the experiments show. */
export function feedbackComparedKeysSql(query: ComparisonQuery): Sql {
  const run = sql`coalesce(link.run_id, link.trace_id)`
  return sql`
-- name: feedback_list_compared_keys
-- The feedback keys, sorted, of the runs that some experiments show. Reads only.
-- It does not read shownRunsSql: the runs themselves are not needed, and looking them up would take half as long again.
select link.experiment_id, array_agg(distinct feedback.key collate "C") as keys
from ${linkedRunsSql} as link
cross join lateral ${feedbackOfSql(run, sql`link.trace_id`)} as feedback
where link.experiment_id = any(${query.experimentIds}::uuid[])
  and feedback.key is not null and ${comparativeSql(query)}
group by link.experiment_id`
}

/** Lists, row by row, the feedback that `feedbackCountComparedSql` counts. */
export function feedbackComparedSql(
  query: ComparisonQuery,
  targets: readonly FeedbackTarget[],
  detail: 'comparative' | 'all',
): Sql {
  const condition =
    detail === 'all' || query.comparativeExperimentId === null
      ? comparativeSql(query)
      : sql`feedback.comparative_experiment_id = ${query.comparativeExperimentId}::uuid`
  return sql`
-- name: feedback_list_compared
-- The feedback of some runs, plain or of a comparison, oldest first. Reads only.
select target.run_id as compared_run_id, ${raw(feedbackSelection)}
from ${targetsSql(targets)}
left join runs as run on run.tenant_id = ${tenant} and run.id = feedback.run_id
where feedback.key is not null and ${condition}
order by feedback.created_at, feedback.id`
}

/** Joins each of the runs, as `target`, with the feedback that counts for it, as `feedback`. */
function targetsSql(targets: readonly FeedbackTarget[]): Sql {
  return sql`unnest(
  ${targets.map((target) => target.id)}::uuid[],
  ${targets.map((target) => target.traceId)}::uuid[]
) as target (run_id, trace_id)
cross join lateral ${feedbackOfSql(sql`target.run_id`, sql`target.trace_id`)} as feedback`
}

/**
 * The rest of a `where` over `shownRunsSql` as `run`: of an experiment with a filter, only matching runs are shown.
 */
export function shownSql({ filters }: Pick<ComparisonQuery, 'filters'>): Sql {
  return allOf(
    [...filters].map(
      ([experimentId, filter]) =>
        sql`and (run.experiment_id <> ${experimentId}::uuid or (${runFilterSql(filter, 'run')}) is true)`,
    ),
  )
}

/**
 * `exists` is avoided: the planner turns it into a join, and chooses its order badly for tables that were just
 * filled.
 */
function someRunMatches(experimentId: string, filter: Filter): Sql {
  return sql`and (
    select true from ${shownRunsSql} as run
    where run.experiment_id = ${experimentId}::uuid
      and run.reference_example_id = candidate.id and ${runFilterSql(filter, 'run')}
    limit 1)`
}

function allOf(conditions: Sql[]): Sql {
  return conditions.length === 0 ? empty : join(conditions, ' ')
}

/**
 * The value that examples are sorted by, and its term of ORDER BY: the mean of the key's scores over the runs that are
 * shown. The mean is numeric so that it does not depend on the order of rows.
 */
function scoreSql(query: ComparisonQuery): { score: Sql; rank: Sql } {
  if (query.sort === null) return { score: sql`null::double precision`, rank: empty }
  const score = sql`(
    select avg(point.score_number::text::numeric)::double precision
    from (
      select distinct feedback.id, feedback.score_number
      from ${shownRunsSql} as run
      cross join lateral ${feedbackOfSql(sql`run.id`, sql`run.trace_id`)} as feedback
      where run.experiment_id = any(${query.experimentIds}::uuid[])
        and run.reference_example_id = candidate.id
        and feedback.key = ${query.sort.feedbackKey} and ${comparativeSql(query)}
        ${shownSql(query)}
    ) as point)`
  return { score, rank: sql`score is null, ${rankSql(query.sort.order)}, ` }
}

/** The condition that `feedback` is plain, or belongs to the comparison that is asked for. */
export function comparativeSql({
  comparativeExperimentId,
}: Pick<ComparisonQuery, 'comparativeExperimentId'>): Sql {
  const none = sql`feedback.comparative_experiment_id is null`
  if (comparativeExperimentId === null) return none
  return sql`(${none} or feedback.comparative_experiment_id = ${comparativeExperimentId}::uuid)`
}

function rankSql(order: 'asc' | 'desc'): Sql {
  return order === 'asc' ? sql`coalesce(score, 0)` : sql`coalesce(-score, 0)`
}

/** Everything after this key, in the order of `comparisonKeySql`. */
function afterSql(key: ComparisonKey, { sort }: ComparisonQuery): Sql {
  const createdAt = sql`${key.createdAt}::timestamptz`
  const older = sql`(created_at < ${createdAt} or (created_at = ${createdAt} and id > ${key.id}::uuid))`
  if (sort === null) return older
  const ranks = sql`(score is null, ${rankSql(sort.order)})`
  const rank = key.score === null ? 0 : sort.order === 'asc' ? key.score : -key.score
  const keyRanks = sql`(${key.score === null}::boolean, ${rank}::double precision)`
  return sql`(${ranks} > ${keyRanks} or (${ranks} = ${keyRanks} and ${older}))`
}
