import sql, { type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'

/** An experiment of a dataset as a list shows it. Its statistics are as of the last refresh; times are in seconds. */
export interface SummarisedExperiment {
  id: string
  name: string
  description: string | null
  metadata: JsonText
  createdAt: Timestamp
  endTime: Timestamp | null
  executions: number
  errors: number
  latencyP50: number | null
  latencyP99: number | null
  totalTokens: number | null
  totalCost: Decimal | null
  lastActivity: Timestamp | null
  /** `{key: {n, avg, values}}` over the executions. */
  scores: JsonText
}

/** Where a page continues: after this experiment. */
export type SummaryPlace = Pick<SummarisedExperiment, 'createdAt' | 'id'>

/** Lists the ids of a dataset's experiments, newest first, so that their aggregates can be refreshed before they are read. */
export async function experimentListNewest(
  db: Db,
  tenantId: string,
  datasetId: string,
  after: SummaryPlace | null,
  limit: number,
): Promise<string[]> {
  const statement = sql`
-- name: experiment_list_newest
-- A page of the ids of a dataset's experiments, newest first. Reads only.
select experiment.id
from experiments as experiment
where experiment.tenant_id = ${tenant} and experiment.dataset_id = ${datasetId}::uuid and ${afterSql(after)}
order by experiment.created_at desc, experiment.id desc
limit ${String(limit)}::bigint`
  const rows = await runComposed<{ id: string }>(db, tenantId, statement)
  return rows.map(({ id }) => id)
}

/** Reads experiments with their aggregates, newest first. */
export async function experimentListSummarised(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<SummarisedExperiment[]> {
  if (ids.length === 0) return []
  const statement = sql`
-- name: experiment_list_summarised
-- Experiments with their aggregates, newest first. Reads only.
select experiment.id, experiment.name, experiment.description, experiment.metadata, experiment.created_at,
  experiment.end_time, coalesce(aggregate.run_count, 0)::integer as executions,
  coalesce(aggregate.error_count, 0)::integer as errors, aggregate.latency_p50, aggregate.latency_p99,
  aggregate.total_tokens, aggregate.total_cost, aggregate.last_run_start_time as last_activity,
  coalesce(aggregate.feedback_stats, '{}') as scores
from experiments as experiment
left join experiment_aggregates as aggregate
  on aggregate.tenant_id = ${tenant} and aggregate.experiment_id = experiment.id
where experiment.tenant_id = ${tenant} and experiment.id = any (${[...ids]}::uuid[])
order by experiment.created_at desc, experiment.id desc`
  return runComposed<SummarisedExperiment>(db, tenantId, statement)
}

function afterSql(after: SummaryPlace | null): Sql {
  return after === null
    ? sql`true`
    : sql`(experiment.created_at, experiment.id) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`
}

/** A measure of one experiment over its examples, repetitions averaged within each. */
export interface MeasureSummary {
  key: string
  isScore: boolean
  examples: number
  mean: number
  deviation: number | null
  isBinary: boolean
}

/** How far an experiment is. Counts are of examples, except where named otherwise. */
export interface ExperimentProgress {
  executions: number
  examples: number
  errored: number
  unfinished: number
}

/** Reads the measures of one experiment on a dataset, scores first. */
export async function measureListOfExperiment(
  db: Db,
  tenantId: string,
  id: string,
): Promise<MeasureSummary[]> {
  const statement = sql`
-- name: measure_list_of_experiment
-- The measures of one experiment over its examples: repetitions are averaged within their example, and several scores of
-- one key on one execution before that. As numeric, so that nothing depends on the order of rows. Reads only.
with shown as materialized (
  select run.reference_example_id as example_id, run.id, run.run_id, run.trace_id,
    extract(epoch from run.duration) as latency, run.total_tokens::numeric as total_tokens, run.total_cost
  from shown_runs as run
  where run.tenant_id = ${tenant} and run.experiment_id = ${id}::uuid
    and run.reference_example_id is not null and not run.yields
),
scored as (
  select shown.example_id, shown.id, feedback.key, avg(feedback.score_number::text::numeric) as score
  from shown
  cross join lateral runmill_feedback_of(${tenant}, shown.run_id, shown.trace_id) as feedback
  where feedback.key is not null and feedback.score_number is not null
    and feedback.comparative_experiment_id is null
  group by shown.example_id, shown.id, feedback.key
),
value as (
  select example_id, key, true as is_score, avg(score) as mean, count(*) as k
  from scored
  group by example_id, key
  union all
  select shown.example_id, taken.key, false, avg(taken.amount), count(*)
  from shown
  cross join lateral (
    values ('latency', shown.latency), ('tokens', shown.total_tokens), ('cost', shown.total_cost)
  ) as taken (key, amount)
  where taken.amount is not null and not exists (select from scored where scored.key = taken.key)
  group by shown.example_id, taken.key
)
select key, is_score, count(*)::integer as examples, avg(mean)::double precision as mean,
  stddev_samp(mean)::double precision as deviation, bool_and(mean in (0, 1) and k = 1) as is_binary
from value
group by key, is_score
order by is_score desc, key collate "C"
limit 1000`
  return runComposed<MeasureSummary>(db, tenantId, statement)
}

/** Counts what one experiment on a dataset has executed. */
export async function progressFindOfExperiment(
  db: Db,
  tenantId: string,
  id: string,
): Promise<ExperimentProgress> {
  const statement = sql`
-- name: progress_find_of_experiment
-- How many examples an experiment has executed, and how they ended. Reads only.
select count(*)::integer as executions, count(distinct run.reference_example_id)::integer as examples,
  (count(distinct run.reference_example_id) filter (where run.status = 'error'))::integer as errored,
  (count(distinct run.reference_example_id) filter (where run.status = 'pending'))::integer as unfinished
from shown_runs as run
where run.tenant_id = ${tenant} and run.experiment_id = ${id}::uuid
  and run.reference_example_id is not null and not run.yields`
  const [row] = await runComposed<ExperimentProgress>(db, tenantId, statement)
  return row!
}
