import sql, { raw } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed } from '../../statements.ts'
import { comparativeSql, shownSql } from './comparison-sql.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import type { Page } from '../page.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** Which examples of a dataset scored differently from a baseline. */
export interface DeltaQuery {
  tenantId: string
  datasetId: string
  /** Existing experiments. The baseline is not among those that are compared with it. */
  baselineId: string
  comparedIds: string[]
  feedbackKey: string
  isLowerScoreBetter: boolean
  /** By experiment: only matching runs count. */
  filters: ReadonlyMap<string, Filter>
  comparativeExperimentId: string | null
}

export interface ExperimentDelta {
  experimentId: string
  isImproved: boolean
  /** Newest first, with ties broken by id. */
  exampleIds: string[]
}

/**
 * Lists the examples whose mean score over the runs of an experiment is better or worse than the baseline's. An example
 * for which either of the two has no score is in neither list.
 * @param page of each list by itself
 */
export async function comparisonDeltaList(
  db: Queryable,
  { tenantId, datasetId, baselineId, comparedIds, ...query }: DeltaQuery,
  { limit, offset }: Page,
): Promise<ExperimentDelta[]> {
  const better = raw(query.isLowerScoreBetter ? '<' : '>')
  const statement = sql`
-- name: comparison_delta_list
-- One page each of the examples that some experiments scored better, and worse, than a baseline. Reads only.
with point as (
  select distinct run.experiment_id, run.reference_example_id as example_id, feedback.id, feedback.score_number
  from ${shownRunsSql} as run
  cross join lateral ${feedbackOfSql(sql`run.id`, sql`run.trace_id`)} as feedback
  where run.experiment_id = any(${[baselineId, ...comparedIds]}::uuid[])
    and feedback.key = ${query.feedbackKey} and feedback.score_number is not null
    and ${comparativeSql(query)}
    ${shownSql(query)}
),
mean as (
  -- The mean is numeric, so it does not depend on the order of rows.
  select experiment_id, example_id, avg(score_number::text::numeric)::double precision as score
  from point
  group by experiment_id, example_id
),
-- The two are not joined: the planner expects a handful of rows in each and would compare each row with each.
beside as (
  select experiment_id, example_id, score,
    max(score) filter (where experiment_id = ${baselineId}::uuid) over (partition by example_id) as baseline_score
  from mean
),
changed as (
  select beside.experiment_id, beside.score ${better} beside.baseline_score as is_improved,
    example.id, example.created_at
  from beside
  cross join lateral (
    select examples.id, examples.dataset_id, examples.created_at
    from examples
    where examples.tenant_id = ${anyTenant} and examples.id = beside.example_id
    order by examples.valid_from desc
    limit 1
  ) as example
  where beside.score <> beside.baseline_score and example.dataset_id = ${datasetId}::uuid
),
placed as (
  select *, row_number() over (partition by experiment_id, is_improved order by created_at desc, id) as place
  from changed
)
select experiment_id, is_improved, array_agg(id order by place) as example_ids
from placed
where place > ${String(offset)}::bigint and place <= ${String(offset + limit)}::bigint
group by experiment_id, is_improved`
  return runComposed<ExperimentDelta>(db, tenantId, statement)
}
