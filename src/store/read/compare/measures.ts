import sql from 'sql-template-tag'
import type { Decimal } from '../../../domain/entities.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import { type ComparedPair, pairSql } from './pair-sql.ts'

/** One measure over the examples of two experiments. A pair is an example for which both sides have a value. */
export interface ComparedMeasure {
  key: string
  /** False for latency, tokens and cost. */
  isScore: boolean
  /** null: no config says which direction is better. */
  isLowerBetter: boolean | null
  pairs: number
  /** Over the pairs. */
  baselineMean: number | null
  candidateMean: number | null
  /** Candidate minus baseline. */
  meanDifference: number | null
  /** Of the differences, with n − 1. */
  deviation: number | null
  /** Pairs with a greater value for the candidate, with a smaller one, and with the same within the tolerance. */
  higher: number
  lower: number
  equal: number
  /** Examples of which only one side has a value. */
  onlyBaseline: number
  onlyCandidate: number
  /** Those of them that the other side has executed without a failure: a score is missing, or has not arrived yet. */
  baselineUnscored: number
  candidateUnscored: number
  /** All values are 0 or 1, one for each side of a pair. */
  isBinary: boolean
  /** Of a binary measure: pairs that are 1 only for the baseline, and only for the candidate. */
  baselineOnlyPasses: number
  candidateOnlyPasses: number
  /** The differences, by example, when there are at most `listed` of them; otherwise null. */
  differences: number[] | null
}

/** More than anybody can look at. A client may make up as many keys as it likes. */
const mostMeasures = 1000

/**
 * Lists the measures that two experiments have, scores first, by key.
 * @param tolerance differences up to this count as equal
 * @param listed up to this many pairs, the differences themselves are told
 */
export async function comparedMeasureList(
  db: Db,
  pair: ComparedPair,
  tolerance: number,
  listed: number,
): Promise<ComparedMeasure[]> {
  const statement = sql`
-- name: compared_measure_list
-- What two experiments have of each measure, over the examples of both. Reads only.
${pairSql(pair)},
ended as (
  select example_id, bool_or(side = 0) and bool_and(side = 1 or status <> 'error') as by_baseline,
    bool_or(side = 1) and bool_and(side = 0 or status <> 'error') as by_candidate
  from shown
  group by example_id
),
difference as (
  select pair.*, b - a as d, ${String(tolerance)}::numeric as tolerance, ended.by_baseline, ended.by_candidate
  from pair
  join ended on ended.example_id = pair.example_id
)
select difference.key, is_score, max(config.is_lower_score_better::integer)::boolean as is_lower_better,
  count(d)::integer as pairs,
  (avg(a) filter (where d is not null))::double precision as baseline_mean,
  (avg(b) filter (where d is not null))::double precision as candidate_mean,
  avg(d)::double precision as mean_difference,
  stddev_samp(d)::double precision as deviation,
  (count(*) filter (where d > tolerance))::integer as higher,
  (count(*) filter (where d < -tolerance))::integer as lower,
  (count(*) filter (where abs(d) <= tolerance))::integer as equal,
  (count(*) filter (where a is not null and b is null))::integer as only_baseline,
  (count(*) filter (where a is null and b is not null))::integer as only_candidate,
  (count(*) filter (where a is null and b is not null and by_baseline))::integer as baseline_unscored,
  (count(*) filter (where a is not null and b is null and by_candidate))::integer as candidate_unscored,
  coalesce(bool_and(a in (0, 1) and b in (0, 1) and k = 1) filter (where d is not null), false) as is_binary,
  (count(*) filter (where a = 1 and b = 0))::integer as baseline_only_passes,
  (count(*) filter (where a = 0 and b = 1))::integer as candidate_only_passes,
  case when count(d) <= ${String(listed)}::integer then
    array_agg(d::double precision order by example_id) filter (where d is not null) end as differences
from difference
left join feedback_configs as config
  on config.tenant_id = ${tenant} and config.key = difference.key and config.deleted_at is null and is_score
group by difference.key, is_score
order by is_score desc, difference.key collate "C"
limit ${String(mostMeasures)}::bigint`
  return runComposed<ComparedMeasure>(db, pair.tenantId, statement)
}

/** How the executions of two experiments cover the examples. Counts are of examples, except where named otherwise. */
export interface Coverage {
  examples: number
  both: number
  onlyBaseline: number
  onlyCandidate: number
  /** Those of only the candidate that were made after the baseline began. */
  added: number
  /** Examples of both of which the candidate failed, and the baseline did not. */
  newlyErrored: number
  /** Examples of which an execution failed. */
  baselineErrored: number
  candidateErrored: number
  /** Examples of which an execution has not ended. */
  baselineUnfinished: number
  candidateUnfinished: number
  baselineExecutions: number
  candidateExecutions: number
  baselineCost: Decimal | null
  candidateCost: Decimal | null
  /** Examples of both whose content changed between the starts of the two experiments. */
  changed: number
}

export async function coverageFind(
  db: Db,
  pair: ComparedPair,
  starts: readonly [string, string],
): Promise<Coverage> {
  const statement = sql`
-- name: coverage_find
-- How the executions of two experiments cover the examples. Reads only.
${pairSql(pair)},
covered as (
  select example_id,
    count(*) filter (where side = 0) as baseline, count(*) filter (where side = 1) as candidate,
    count(*) filter (where side = 0 and status = 'error') as baseline_errors,
    count(*) filter (where side = 1 and status = 'error') as candidate_errors,
    count(*) filter (where side = 0 and status = 'pending') as baseline_pending,
    count(*) filter (where side = 1 and status = 'pending') as candidate_pending,
    sum(total_cost) filter (where side = 0) as baseline_cost,
    sum(total_cost) filter (where side = 1) as candidate_cost
  from shown
  group by example_id
)
select count(*)::integer as examples,
  (count(*) filter (where baseline > 0 and candidate > 0))::integer as both,
  (count(*) filter (where candidate = 0))::integer as only_baseline,
  (count(*) filter (where baseline = 0))::integer as only_candidate,
  (count(*) filter (where baseline = 0 and (
    select min(examples.created_at) > ${starts[0]}::timestamptz from examples
    where examples.tenant_id = ${tenant} and examples.id = covered.example_id
  )))::integer as added,
  (count(*) filter (where baseline > 0 and baseline_errors = 0 and candidate_errors > 0))::integer as newly_errored,
  (count(*) filter (where baseline_errors > 0))::integer as baseline_errored,
  (count(*) filter (where candidate_errors > 0))::integer as candidate_errored,
  (count(*) filter (where baseline_pending > 0))::integer as baseline_unfinished,
  (count(*) filter (where candidate_pending > 0))::integer as candidate_unfinished,
  coalesce(sum(baseline), 0)::integer as baseline_executions,
  coalesce(sum(candidate), 0)::integer as candidate_executions,
  sum(baseline_cost) as baseline_cost, sum(candidate_cost) as candidate_cost,
  (count(*) filter (where baseline > 0 and candidate > 0 and (
    select true from examples
    where examples.tenant_id = ${tenant} and examples.id = covered.example_id
      and examples.valid_from > least(${starts[0]}::timestamptz, ${starts[1]}::timestamptz)
      and examples.valid_from <= greatest(${starts[0]}::timestamptz, ${starts[1]}::timestamptz)
    limit 1
  )))::integer as changed
from covered`
  const [row] = await runComposed<Coverage>(db, pair.tenantId, statement)
  return row!
}
