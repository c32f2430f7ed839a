import sql, { type Sql } from 'sql-template-tag'
import { tenant } from '../../statements.ts'

/** Two experiments on one dataset, of which the second is judged by the first. */
export interface ComparedPair {
  tenantId: string
  baselineId: string
  candidateId: string
}

/**
 * The CTEs that a comparison consists of. Repetitions are averaged within their example, as numeric, so that nothing
 * depends on the order of rows.
 * - `shown`: one row per execution: side (0 baseline, 1 candidate), example, status and what it took.
 * - `value`: one row per side, example and measure: the mean over the executions that have it, and their number `k`.
 *   Measures are the keys of scores (`is_score`), and latency in seconds, tokens and cost where no score has that name. An
 *   execution counts once, however many scores of a key it was given.
 * - `pair`: one row per example and measure: the means `a` of the baseline and `b` of the candidate; null where a side
 *   has none.
 */
export function pairSql({ baselineId, candidateId }: ComparedPair): Sql {
  return sql`
with shown as materialized (
  select (run.experiment_id = ${candidateId}::uuid)::integer as side, run.reference_example_id as example_id,
    run.id, run.run_id, run.trace_id, run.status, extract(epoch from run.duration) as latency,
    run.total_tokens::numeric as total_tokens, run.total_cost
  from shown_runs as run
  where run.tenant_id = ${tenant} and run.experiment_id in (${baselineId}::uuid, ${candidateId}::uuid)
    and run.reference_example_id is not null and not run.yields
),
point as (
  select distinct shown.side, shown.example_id, shown.id as execution_id, feedback.id, feedback.key,
    feedback.score_number
  from shown
  cross join lateral runmill_feedback_of(${tenant}, shown.run_id, shown.trace_id) as feedback
  where feedback.key is not null and feedback.score_number is not null
    and feedback.comparative_experiment_id is null
),
scored as (
  select side, example_id, execution_id, key, avg(score_number::text::numeric) as score
  from point
  group by side, example_id, execution_id, key
),
value as (
  select side, example_id, key, true as is_score, avg(score) as mean, count(*) as k
  from scored
  group by side, example_id, key
  union all
  select shown.side, shown.example_id, taken.key, false, avg(taken.amount), count(*)
  from shown
  cross join lateral (
    values ('latency', shown.latency), ('tokens', shown.total_tokens), ('cost', shown.total_cost)
  ) as taken (key, amount)
  where taken.amount is not null and not exists (select from point where point.key = taken.key)
  group by shown.side, shown.example_id, taken.key
),
pair as (
  select example_id, key, is_score,
    max(mean) filter (where side = 0) as a, max(mean) filter (where side = 1) as b,
    max(k) as k
  from value
  group by example_id, key, is_score
)`
}
