import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import type { ExperimentRow } from './experiment-row.ts'
import { experimentFilterSql } from './experiment-filter.ts'
import { staleExperimentsSql } from './stale-experiments.ts'

/** Statistics as of the last refresh (see experimentAggregateRefreshDirty). Latencies are in seconds. */
export interface ExperimentStatistics {
  experimentId: string
  itemCount: number | null
  /** The number of executions: root runs, and the runs that run items link. */
  runCount: number
  errorCount: number
  /** The number of executions that recorded a first token. */
  streamingCount: number
  latencyP50: number | null
  latencyP99: number | null
  firstTokenP50: number | null
  firstTokenP99: number | null
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  lastRunStartTime: Timestamp | null
  /** `{key: {n, avg, values}}` over the runs. */
  feedbackStats: JsonText
  /** `{key: {n, avg, values}}` over the feedback on the experiment itself. */
  experimentFeedbackStats: JsonText
  /** The running number of the experiment within its dataset, from 1; null without a dataset. */
  testRunNumber: number | null
}

export const experimentSorts = [
  'name',
  'start_time',
  'last_run_start_time',
  'latency_p50',
  'latency_p99',
  'error_rate',
  'feedback',
  'runs_count',
] as const

/** Which experiments to list. An absent condition lets everything through. */
export interface ExperimentConditions {
  ids?: string[] | undefined
  name?: string | undefined
  /** A substring of the name, in upper or lower case. */
  nameContains?: string | undefined
  datasetIds?: string[] | undefined
  /** true: only plain projects. false: only experiments on a dataset. */
  isPlain?: boolean | undefined
  /** `metadata.dataset_version`. */
  datasetVersion?: string | undefined
  /** A JSON object that the metadata must contain. */
  metadata?: JsonText | undefined
  filter?: Filter | undefined
}

export interface ExperimentQuery extends ExperimentConditions {
  sortBy: (typeof experimentSorts)[number]
  isDescending: boolean
  /** With the sort `feedback`: the key whose average score is sorted by. */
  feedbackKey?: string | undefined
  feedbackSource: 'session' | 'run'
  offset: number
  limit: number
}

export async function experimentFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ExperimentRow | null> {
  const [row] = await runStatement<ExperimentRow>(db, 'experiment_find', [tenantId, id])
  return row ?? null
}

/** Returns which of these experiments exist. */
export async function experimentListExisting(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await runStatement<{ id: string }>(db, 'experiment_list_existing', [tenantId, ids])
  return new Set(rows.map((row) => row.id))
}

/**
 * Finds the experiments of these names whose names are unique in the tenant: those of LangSmith's experiments and of plain
 * projects.
 * @returns ids by name
 */
export async function experimentListTenantWide(
  db: Queryable,
  tenantId: string,
  names: string[],
): Promise<Map<string, string>> {
  if (names.length === 0) return new Map()
  const rows = await runStatement<{ id: string; name: string }>(db, 'experiment_list_tenant_wide', [
    tenantId,
    names,
  ])
  return new Map(rows.map((row) => [row.name, row.id]))
}

/** Reads one page in a stable order: experiments without the sorted value come last, and ties are broken by id. */
export async function experimentList(
  db: Queryable,
  tenantId: string,
  query: ExperimentQuery,
): Promise<ExperimentRow[]> {
  const direction = raw(query.isDescending ? 'desc' : 'asc')
  const statement = sql`
-- name: experiment_list
-- One page of the experiments that meet some conditions, sorted, ties by id. Reads only.
select experiments.id, experiments.external_id, experiments.dataset_id, experiments.name, experiments.description,
  experiments.metadata, experiments.extra, experiments.trace_tier, experiments.default_dataset_id,
  experiments.start_time, experiments.end_time, experiments.created_at, experiments.updated_at
from experiments
left join experiment_aggregates as aggregate
  on aggregate.tenant_id = ${tenant} and aggregate.experiment_id = experiments.id
where experiments.tenant_id = ${tenant}${conditionSql(query)}
order by ${sortSql(query)} ${direction} nulls last, experiments.id
limit ${String(query.limit)}::bigint offset ${String(query.offset)}::bigint`
  return runComposed<ExperimentRow>(db, tenantId, statement)
}

/**
 * Lists the experiments that match the query and whose statistics are out of date. Refresh them before sorting by a
 * statistic.
 */
export async function experimentListDirty(
  db: Queryable,
  tenantId: string,
  query: ExperimentConditions,
  limit: number,
): Promise<string[]> {
  const statement = sql`
-- name: experiment_list_dirty
-- Experiments that meet some conditions and are stale, or were made after something had counted in them. Reads only.
select experiments.id from experiments
where experiments.tenant_id = ${tenant}${conditionSql(query)} and experiments.id in (
  ${staleExperimentsSql}
  union all
  select late.id
  from experiments as late
  where late.tenant_id = ${tenant}
    and not exists (
      select from experiment_aggregates as aggregate
      where aggregate.tenant_id = ${tenant} and aggregate.experiment_id = late.id
    )
    and exists (
      select from experiment_sums as held where held.tenant_id = ${tenant} and held.experiment_id = late.id
    )
)
limit ${String(limit)}::bigint`
  const rows = await runComposed<{ id: string }>(db, tenantId, statement)
  return rows.map((row) => row.id)
}

/** Reads statistics by experiment id. A deleted experiment has none. */
export async function experimentAggregateListAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, ExperimentStatistics>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<ExperimentStatistics>(db, 'experiment_aggregate_list_among', [
    tenantId,
    ids,
  ])
  return new Map(rows.map((row) => [row.experimentId, row]))
}

/** The rest of a `where` over the tenant's `experiments`. */
function conditionSql(query: ExperimentConditions): Sql {
  const conditions: Sql[] = []
  const add = (condition: Sql) => conditions.push(sql` and ${condition}`)
  if (query.ids !== undefined) add(sql`experiments.id = any (${query.ids}::uuid[])`)
  if (query.name !== undefined) add(sql`experiments.name = ${query.name}`)
  if (query.nameContains !== undefined) {
    add(sql`position(lower(${query.nameContains}) in lower(experiments.name)) > 0`)
  }
  if (query.datasetIds !== undefined) {
    add(sql`experiments.dataset_id = any (${query.datasetIds}::uuid[])`)
  }
  if (query.isPlain !== undefined) {
    add(sql`experiments.dataset_id is ${raw(query.isPlain ? '' : 'not ')}null`)
  }
  if (query.datasetVersion !== undefined) {
    add(sql`experiments.metadata ->> 'dataset_version' = ${query.datasetVersion}`)
  }
  if (query.metadata !== undefined) add(sql`experiments.metadata @> ${query.metadata}::jsonb`)
  if (query.filter !== undefined) add(experimentFilterSql(query.filter, 'experiments'))
  return join([empty, ...conditions], '')
}

function sortSql(query: ExperimentQuery): Sql {
  switch (query.sortBy) {
    case 'name':
    case 'start_time':
      return raw(`experiments.${query.sortBy}`)
    case 'last_run_start_time':
    case 'latency_p50':
    case 'latency_p99':
      return raw(`aggregate.${query.sortBy}`)
    case 'error_rate':
      return sql`aggregate.error_count::double precision / nullif(aggregate.run_count, 0)`
    case 'runs_count':
      return sql`coalesce(aggregate.run_count, 0)`
    case 'feedback': {
      const column =
        query.feedbackSource === 'session' ? 'experiment_feedback_stats' : 'feedback_stats'
      return sql`(aggregate.${raw(column)} -> ${query.feedbackKey ?? ''}::text ->> 'avg')::double precision`
    }
  }
}
