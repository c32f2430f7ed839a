import sql, { join, raw } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'

/** A comparison of experiments on one dataset, pair by pair. */
export interface ComparativeExperiment {
  id: string
  datasetId: string
  /** The experiments as the client named them. Some may have been deleted since. */
  experimentIds: string[]
  name: string | null
  description: string | null
  extra: JsonText | null
  createdAt: Timestamp
  updatedAt: Timestamp
}

export interface ListedComparison extends ComparativeExperiment {
  /** `[{"id", "name"}]` of the experiments that exist, in the client's order. */
  experimentsInfo: JsonText
  /** `{key: {n, avg, values}}` over the feedback that names the comparison. */
  feedbackStats: JsonText
}

export interface ComparativeExperimentQuery {
  datasetId: string
  ids?: string[] | undefined
  name?: string | undefined
  /** A substring of the name, in upper or lower case. */
  nameContains?: string | undefined
  sortBy: 'name' | 'created_at'
  isDescending: boolean
  offset: number
  limit: number
}

export async function comparativeExperimentFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ComparativeExperiment | null> {
  const [row] = await runStatement<ComparativeExperiment>(db, 'comparative_experiment_find', [
    tenantId,
    id,
  ])
  return row ?? null
}

/** Reads one page in a stable order: comparisons without a name come last, and ties are broken by id. */
export async function comparativeExperimentList(
  db: Queryable,
  tenantId: string,
  query: ComparativeExperimentQuery,
): Promise<ListedComparison[]> {
  const conditions = [sql`comparison.dataset_id = ${query.datasetId}::uuid`]
  if (query.ids !== undefined) conditions.push(sql`comparison.id = any (${query.ids}::uuid[])`)
  if (query.name !== undefined) conditions.push(sql`comparison.name = ${query.name}`)
  if (query.nameContains !== undefined) {
    conditions.push(sql`position(lower(${query.nameContains}) in lower(comparison.name)) > 0`)
  }
  const statement = sql`
-- name: comparative_experiment_list
-- One page of the comparisons on a dataset, with the names of the experiments that they compare. Reads only.
select comparison.id, comparison.dataset_id, comparison.experiment_ids, comparison.name,
  comparison.description, comparison.extra, comparison.created_at, comparison.updated_at,
  coalesce((
    select json_agg(json_build_object('id', experiments.id, 'name', experiments.name) order by wanted.place)
    from unnest(comparison.experiment_ids) with ordinality as wanted (id, place)
    join experiments on experiments.tenant_id = ${tenant} and experiments.id = wanted.id
  ), '[]') as experiments_info
from comparative_experiments as comparison
where comparison.tenant_id = ${tenant} and ${join(conditions, ' and ')}
order by comparison.${raw(query.sortBy)} ${raw(query.isDescending ? 'desc' : 'asc')} nulls last, comparison.id
limit ${String(query.limit)}::bigint offset ${String(query.offset)}::bigint`
  const rows = await runComposed<Omit<ListedComparison, 'feedbackStats'>>(db, tenantId, statement)
  const stats = await feedbackStatsOf(
    db,
    tenantId,
    rows.map((row) => row.id),
  )
  return rows.map((row) => ({ ...row, feedbackStats: stats.get(row.id) ?? '{}' }))
}

async function feedbackStatsOf(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, JsonText>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<{ id: string; feedbackStats: JsonText }>(
    db,
    'comparative_experiment_list_feedback_stats',
    [tenantId, ids],
  )
  return new Map(rows.map((row) => [row.id, row.feedbackStats]))
}

/** Returns the dataset of each of the experiments that exist; null for a plain project. */
export async function experimentListDatasetsAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, string | null>> {
  const rows = await runStatement<{ id: string; datasetId: string | null }>(
    db,
    'experiment_list_datasets_among',
    [tenantId, ids],
  )
  return new Map(rows.map((row) => [row.id, row.datasetId]))
}
