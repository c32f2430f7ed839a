import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { containsPatterns, matchSql } from '../filter/condition-sql.ts'

export interface Dataset {
  id: string
  /** The client's spelling of the id; null when the client sent the id itself. */
  externalId: string | null
  name: string
  description: string | null
  /** `kv`, `llm` or `chat` (contracts/langsmith.md 2.3.1). */
  dataType: string
  metadata: JsonText | null
  /** JSON Schema of an example's inputs, as the client sent it. */
  inputsSchema: JsonText | null
  outputsSchema: JsonText | null
  transformations: JsonText | null
  externallyManaged: boolean
  baselineExperimentId: string | null
  createdAt: Timestamp
  updatedAt: Timestamp
  /** The newest version that was given to an example. Before the first one, the time at which the dataset was made. */
  versionAt: Timestamp
}

export interface CountedDataset extends Dataset {
  /** The number of current examples, without archived ones. */
  exampleCount: number
  /** The number of experiments on this dataset. */
  sessionCount: number
  lastSessionStartTime: Timestamp | null
}

/** All conditions that are given must hold. */
export interface DatasetFilter {
  ids?: string[]
  names?: string[]
  /** A substring of the name, in upper or lower case. */
  nameContains?: string
  dataTypes?: string[]
  /** A JSON value that the metadata must contain, made fit for `jsonb` (see `jsonbText`). */
  metadata?: JsonText
}

export type DatasetSort =
  | 'name'
  | 'created_at'
  | 'modified_at'
  | 'example_count'
  | 'session_count'
  | 'last_session_start_time'

export interface DatasetQuery {
  tenantId: string
  filter?: DatasetFilter
  /** Default: created_at, descending. Ties: newest first, then by id. */
  sort?: DatasetSort
  isAscending?: boolean
  limit: number
  offset: number
}

/** The position of a dataset in a sorted list: everything that is needed to continue after it. */
export interface DatasetKey {
  id: string
  createdAt: Timestamp
  /** What is sorted by, as text; null for a dataset without it. */
  value: string | null
}

export async function datasetFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<Dataset | null> {
  const [dataset] = await runStatement<Dataset>(db, 'dataset_find', [tenantId, id])
  return dataset ?? null
}

export async function datasetFindByName(
  db: Queryable,
  tenantId: string,
  name: string,
): Promise<Dataset | null> {
  const [dataset] = await runStatement<Dataset>(db, 'dataset_find_by_name', [tenantId, name])
  return dataset ?? null
}

/** Reads one page of datasets. To sort by a count, use `datasetListCounted`. */
export async function datasetList(
  db: Queryable,
  query: DatasetQuery & { sort?: 'name' | 'created_at' | 'modified_at' },
): Promise<Dataset[]> {
  const statement = sql`
-- name: dataset_list
-- One page of the datasets that meet the query, in its order. Reads only.
select ${columns}
from datasets
where datasets.tenant_id = ${tenant}${pageSql(query)}`
  return runComposed<Dataset>(db, query.tenantId, statement)
}

/**
 * Reads one page of datasets with the counts that LangSmith shows. For a single dataset, pass `filter: { ids: [id] }`.
 */
export async function datasetListCounted(
  db: Queryable,
  query: DatasetQuery,
): Promise<CountedDataset[]> {
  const statement = sql`
-- name: dataset_list_counted
-- One page of the datasets that meet the query, in its order, with their examples and experiments counted. Reads only.
select ${countedColumns}
from datasets
${countedSums}
where datasets.tenant_id = ${tenant}${pageSql(query)}`
  return runComposed<CountedDataset>(db, query.tenantId, statement)
}

/** Reads the page after a key, with counts. @param after null: the first page */
export async function datasetListCountedAfter(
  db: Queryable,
  {
    tenantId,
    filter = {},
    sort = 'created_at',
    isAscending = false,
    limit,
  }: Omit<DatasetQuery, 'offset'>,
  after: DatasetKey | null,
): Promise<{ rows: CountedDataset[]; next: DatasetKey | null }> {
  const value = sql`counted.${sortNames[sort]}`
  const statement = sql`
-- name: dataset_list_counted_after
-- One page of the datasets that meet the query, in its order, from a key on, with their examples and experiments counted
-- and what is sorted by as text. Reads only.
select counted.*, ${value}::text as sorted_value
from (
  select ${countedColumns}
  from datasets
  ${countedSums}
  where datasets.tenant_id = ${tenant}${conditionsOf(filter)}
) as counted
where ${after === null ? sql`true` : afterSql(after, value, sort, isAscending)}
order by ${value} ${raw(isAscending ? 'asc' : 'desc')} nulls last, counted.created_at desc, counted.id
limit ${limit + 1}`
  const rows = await runComposed<CountedDataset & { sortedValue: string | null }>(
    db,
    tenantId,
    statement,
  )
  const hasMore = rows.length > limit
  if (hasMore) rows.pop()
  const last = rows.at(-1)
  return {
    rows,
    next:
      hasMore && last !== undefined
        ? { id: last.id, createdAt: last.createdAt, value: last.sortedValue }
        : null,
  }
}

/** Datasets without a value come last in both directions. */
function afterSql(after: DatasetKey, value: Sql, sort: DatasetSort, isAscending: boolean): Sql {
  const createdAt = sql`${after.createdAt}::text::timestamptz`
  const isLaterOfEqual = sql`(counted.created_at < ${createdAt}
    or counted.created_at = ${createdAt} and counted.id > ${after.id}::uuid)`
  if (after.value === null) return sql`${value} is null and ${isLaterOfEqual}`
  const key = sql`${after.value}::text::${raw(sortTypes[sort])}`
  return sql`(${value} is null or ${value} ${raw(isAscending ? '>' : '<')} ${key}
    or ${value} = ${key} and ${isLaterOfEqual})`
}

const sortTypes: Record<DatasetSort, string> = {
  name: 'text',
  created_at: 'timestamptz',
  modified_at: 'timestamptz',
  example_count: 'bigint',
  session_count: 'bigint',
  last_session_start_time: 'timestamptz',
}

const sortNames: Record<DatasetSort, Sql> = {
  name: sql`name`,
  created_at: sql`created_at`,
  modified_at: sql`updated_at`,
  example_count: sql`example_count`,
  session_count: sql`session_count`,
  last_session_start_time: sql`last_session_start_time`,
}

export async function datasetCount(
  db: Queryable,
  tenantId: string,
  filter: DatasetFilter = {},
): Promise<number> {
  const statement = sql`
-- name: dataset_count
-- How many datasets meet a filter. Reads only.
select count(*) as count from datasets where datasets.tenant_id = ${tenant}${conditionsOf(filter)}`
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement)
  return row!.count
}

const columns = sql`datasets.id, datasets.external_id, datasets.name, datasets.description, datasets.data_type,
  datasets.metadata, datasets.inputs_schema, datasets.outputs_schema, datasets.transformations,
  datasets.externally_managed, datasets.baseline_experiment_id, datasets.created_at, datasets.updated_at,
  datasets.version_at`

const countedColumns = sql`${columns}, (
    select count(*) from examples
    where examples.tenant_id = ${tenant} and examples.dataset_id = datasets.id
      and examples.valid_to = 'infinity' and not examples.archived
  ) as example_count,
  experiment.session_count, experiment.last_session_start_time`

const countedSums = sql`cross join lateral (
    select count(*) as session_count, max(start_time) as last_session_start_time
    from experiments
    where experiments.tenant_id = ${tenant} and experiments.dataset_id = datasets.id
  ) as experiment`

const sortColumns: Record<DatasetSort, Sql> = {
  name: sql`datasets.name`,
  created_at: sql`datasets.created_at`,
  modified_at: sql`datasets.updated_at`,
  example_count: sql`example_count`,
  session_count: sql`session_count`,
  last_session_start_time: sql`last_session_start_time`,
}

/** The text after the condition on the tenant. */
function pageSql({
  filter = {},
  sort = 'created_at',
  isAscending = false,
  limit,
  offset,
}: DatasetQuery): Sql {
  // Written exactly as the index for the default order has it.
  const order =
    sort === 'created_at' && !isAscending
      ? empty
      : sql`${sortColumns[sort]} ${raw(isAscending ? 'asc' : 'desc')} nulls last, `
  return sql`${conditionsOf(filter)}
order by ${order}datasets.created_at desc, datasets.id
limit ${limit} offset ${offset}`
}

/** The rest of a `where` over the tenant's `datasets`. */
function conditionsOf({ ids, names, nameContains, dataTypes, metadata }: DatasetFilter): Sql {
  const conditions: Sql[] = []
  const add = (condition: Sql) => conditions.push(sql` and ${condition}`)
  if (ids !== undefined) add(sql`datasets.id = any(${ids}::uuid[])`)
  if (names !== undefined) add(sql`datasets.name = any(${names}::text[])`)
  if (nameContains !== undefined) {
    add(matchSql(sql`datasets.name`, 'ilike', containsPatterns(nameContains).raw))
  }
  if (dataTypes !== undefined) add(sql`datasets.data_type = any(${dataTypes}::text[])`)
  if (metadata !== undefined) add(sql`datasets.metadata @> ${metadata}::text::jsonb`)
  return join([empty, ...conditions], '')
}
