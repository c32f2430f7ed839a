import { inline } from '../bridge.ts'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement, runText, type Parameter } from '../../statements.ts'
import { containsPatterns, matchSql } from '../filter/filter-condition-sql.ts'

export interface Dataset {
  id: string
  /** The client's spelling of the id; null when it is the id itself. */
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
  /** The newest version given out to an example; before the first one, when the dataset was made. */
  versionAt: Timestamp
}

export interface CountedDataset extends Dataset {
  /** Current examples, archived ones not counted. */
  exampleCount: number
  /** Experiments on this dataset. */
  sessionCount: number
  lastSessionStartTime: Timestamp | null
}

/** All conditions given must hold. */
export interface DatasetFilter {
  ids?: string[]
  names?: string[]
  /** Part of the name, in any case. */
  nameContains?: string
  dataTypes?: string[]
  /** A JSON value that the metadata contains, fit for `jsonb` (see `jsonbText`). */
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

/** One page of datasets. Sorting by a count is `datasetListCounted`'s business. */
export async function datasetList(
  db: Queryable,
  query: DatasetQuery & { sort?: 'name' | 'created_at' | 'modified_at' },
): Promise<Dataset[]> {
  return listDatasets(db, query, '')
}

/** The same with the counts that LangSmith shows; also for one dataset: `filter: { ids: [id] }`. */
export async function datasetListCounted(
  db: Queryable,
  query: DatasetQuery,
): Promise<CountedDataset[]> {
  return listDatasets<CountedDataset>(db, query, counts)
}

export async function datasetCount(
  db: Queryable,
  tenantId: string,
  filter: DatasetFilter = {},
): Promise<number> {
  const { parameters, where } = conditions(tenantId, filter)
  const text = `select count(*) as count from datasets where ${where}`
  const [row] = await runText<{ count: number }>(db, text, parameters)
  return row!.count
}

const columns = [
  'id',
  'external_id',
  'name',
  'description',
  'data_type',
  'metadata',
  'inputs_schema',
  'outputs_schema',
  'transformations',
  'externally_managed',
  'baseline_experiment_id',
  'created_at',
  'updated_at',
  'version_at',
]
  .map((column) => `datasets.${column}`)
  .join(', ')

const counts = `, (
    select count(*) from examples
    where examples.tenant_id = datasets.tenant_id and examples.dataset_id = datasets.id
      and examples.valid_to = 'infinity' and not examples.archived
  ) as example_count,
  experiment.session_count, experiment.last_session_start_time`

const experimentCounts = `cross join lateral (
    select count(*) as session_count, max(start_time) as last_session_start_time
    from experiments
    where experiments.tenant_id = datasets.tenant_id and experiments.dataset_id = datasets.id
  ) as experiment`

const sortColumns: Record<DatasetSort, string> = {
  name: 'datasets.name',
  created_at: 'datasets.created_at',
  modified_at: 'datasets.updated_at',
  example_count: 'example_count',
  session_count: 'session_count',
  last_session_start_time: 'last_session_start_time',
}

async function listDatasets<Row extends Dataset>(
  db: Queryable,
  { tenantId, filter = {}, sort = 'created_at', isAscending = false, limit, offset }: DatasetQuery,
  extraColumns: string,
): Promise<Row[]> {
  const { parameters, where } = conditions(tenantId, filter)
  const order = `${sortColumns[sort]} ${isAscending ? 'asc' : 'desc'} nulls last`
  // The default order is the index's own.
  const orders = sort === 'created_at' && !isAscending ? '' : `${order}, `
  parameters.push(limit, offset)
  const text = `select ${columns}${extraColumns}
from datasets ${extraColumns === '' ? '' : experimentCounts}
where ${where}
order by ${orders}datasets.created_at desc, datasets.id
limit $${parameters.length - 1} offset $${parameters.length}`
  return runText<Row>(db, text, parameters)
}

function conditions(
  tenantId: string,
  { ids, names, nameContains, dataTypes, metadata }: DatasetFilter,
): { parameters: Parameter[]; where: string } {
  const parameters: Parameter[] = [tenantId]
  const bind = (value: Parameter) => `$${parameters.push(value)}`
  const parts = ['datasets.tenant_id = $1']
  if (ids !== undefined) parts.push(`datasets.id = any(${bind(ids)}::uuid[])`)
  if (names !== undefined) parts.push(`datasets.name = any(${bind(names)}::text[])`)
  if (nameContains !== undefined) {
    parts.push(inline(matchSql('datasets.name', 'ilike', containsPatterns(nameContains).raw), bind))
  }
  if (dataTypes !== undefined) parts.push(`datasets.data_type = any(${bind(dataTypes)}::text[])`)
  if (metadata !== undefined) parts.push(`datasets.metadata @> ${bind(metadata)}::text::jsonb`)
  return { parameters, where: parts.join(' and ') }
}
