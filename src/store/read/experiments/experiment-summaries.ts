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
