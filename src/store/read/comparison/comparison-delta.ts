import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Queryable } from '../../pool.ts'
import { runText, type Parameter } from '../../statements.ts'
import { comparativeSql, itemRun, shownRuns } from './comparison-sql.ts'
import type { Page } from '../page.ts'

/** Which examples of a dataset scored otherwise than in a baseline. */
export interface DeltaQuery {
  tenantId: string
  datasetId: string
  /** Existing experiments; those compared have no baseline among them. */
  baselineId: string
  comparedIds: string[]
  feedbackKey: string
  isLowerScoreBetter: boolean
  /** By experiment: only matching runs count. */
  filters: ReadonlyMap<string, RunFilter>
  comparativeExperimentId: string | null
}

export interface ExperimentDelta {
  experimentId: string
  isImproved: boolean
  /** Newest first, ties by id. */
  exampleIds: string[]
}

/**
 * Examples whose mean score, over the runs of an experiment, is better or worse than the baseline's. An example that one
 * of both has no score for is neither. @param page of each list by itself
 */
export async function comparisonDeltaList(
  db: Queryable,
  { tenantId, datasetId, baselineId, comparedIds, ...query }: DeltaQuery,
  { limit, offset }: Page,
): Promise<ExperimentDelta[]> {
  const parameters: Parameter[] = [tenantId, [baselineId, ...comparedIds]]
  const bind = (value: Parameter) => `$${parameters.push(value)}`
  const better = query.isLowerScoreBetter ? '<' : '>'
  const start = `${bind(String(offset))}::bigint`
  const text = `with point as (
      select distinct run.experiment_id, run.reference_example_id as example_id, feedback.id, feedback.score_number
      from ${itemRun} as run
      cross join lateral (
        select own.* from feedback as own where own.tenant_id = $1 and own.run_id = run.id
        union all
        select own.* from feedback as own
        where own.tenant_id = $1 and own.trace_id = run.trace_id and own.run_id is null
      ) as feedback
      where run.tenant_id = $1 and run.experiment_id = any($2::uuid[])
        and feedback.key = ${bind(query.feedbackKey)} and feedback.score_number is not null
        and ${comparativeSql(query, bind)}
        ${shownRuns(query, 'run', bind)}
    ),
    mean as (
      -- numeric: it does not depend on the order of rows.
      select experiment_id, example_id, avg(score_number::text::numeric)::double precision as score
      from point
      group by experiment_id, example_id
    ),
    -- No join of the two: the planner takes them for a handful of rows, and would compare each with each.
    beside as (
      select experiment_id, example_id, score,
        max(score) filter (where experiment_id = ${bind(baselineId)}::uuid) over (partition by example_id)
          as baseline_score
      from mean
    ),
    changed as (
      select beside.experiment_id, beside.score ${better} beside.baseline_score as is_improved,
        example.id, example.created_at
      from beside
      cross join lateral (
        select examples.id, examples.dataset_id, examples.created_at
        from examples
        where examples.tenant_id = $1 and examples.id = beside.example_id
        order by examples.valid_from desc
        limit 1
      ) as example
      where beside.score <> beside.baseline_score and example.dataset_id = ${bind(datasetId)}::uuid
    ),
    placed as (
      select *, row_number() over (partition by experiment_id, is_improved order by created_at desc, id) as place
      from changed
    )
    select experiment_id, is_improved, array_agg(id order by place) as example_ids
    from placed
    where place > ${start} and place <= ${start} + ${bind(String(limit))}::bigint
    group by experiment_id, is_improved`
  return runText<ExperimentDelta>(db, text, parameters)
}
