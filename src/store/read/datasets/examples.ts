import { inline } from '../bridge.ts'
import type { JsonText } from '../../../domain/entities.ts'
import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement, runText, type Parameter } from '../../statements.ts'
import { containsPatterns, matchSql } from '../filter/filter-condition-sql.ts'
import { exampleFilterSql } from '../filter/run-filter-sql.ts'

/** One version of an example. */
export interface Example {
  id: string
  /** The client's spelling of the id; null when it is the id itself. */
  externalId: string | null
  datasetId: string
  /** The time of this version: Langfuse's createdAt and updatedAt, LangSmith's modified_at. Whole milliseconds. */
  validFrom: Timestamp
  /** When the example was first made: LangSmith's created_at. */
  createdAt: Timestamp
  /** Place within the request that made this version. */
  ordinal: number
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
  splits: string[]
  archived: boolean
  sourceTraceId: string | null
  externalSourceTraceId: string | null
  sourceRunId: string | null
  externalSourceRunId: string | null
  /** See `readAttachments`; null: none. */
  attachments: JsonText | null
}

/** All conditions given must hold. */
export interface ExampleFilter {
  datasetId?: string
  ids?: string[]
  /** In any of these. */
  splits?: string[]
  /** A JSON value that the metadata contains, `dataset_split` counted in, fit for `jsonb` (see `jsonbText`). */
  metadata?: JsonText
  /** Each of these stands somewhere in the inputs or outputs, in any case. */
  texts?: string[]
  archived?: boolean
  sourceTraceId?: string
  sourceRunId?: string
  /** The filter language, over `exampleAttributes` only. */
  filter?: RunFilter
}

export type ExampleOrder =
  /** Newest version first; within one request in the order sent. */
  | { by: 'recent'; isAscending?: boolean }
  | { by: 'created'; isAscending?: boolean }
  | { by: 'id'; isAscending?: boolean }
  /** The same shuffle for the same seed. */
  | { by: 'random'; seed: string }

/**
 * The state at a time, the time itself included; or in the version of each dataset that a tag names, which is nothing
 * where there is no such tag; null: the latest.
 */
export type ExampleMoment = Timestamp | { tag: string } | null

export interface ExampleQuery {
  tenantId: string
  filter: ExampleFilter
  asOf: ExampleMoment
  /** Default: recent. */
  order?: ExampleOrder
  /** In the order `recent`: only what comes after this one. A keyset, for readers of a whole dataset. */
  after?: Pick<Example, 'validFrom' | 'ordinal' | 'id'> | null
  limit: number
  offset: number
}

/** @returns null when there was none then */
export async function exampleFind(
  db: Queryable,
  tenantId: string,
  id: string,
  asOf: ExampleMoment,
): Promise<Example | null> {
  const [example] = await find(db, tenantId, id, asOf)
  return example ?? null
}

async function find(
  db: Queryable,
  tenantId: string,
  id: string,
  asOf: ExampleMoment,
): Promise<Example[]> {
  if (asOf === null) return runStatement<Example>(db, 'example_find', [tenantId, id])
  return typeof asOf === 'string'
    ? runStatement<Example>(db, 'example_find_as_of', [tenantId, id, asOf])
    : runStatement<Example>(db, 'example_find_tagged', [tenantId, id, asOf.tag])
}

/** One page of examples. */
export async function exampleList(
  db: Queryable,
  { tenantId, filter, asOf, order = { by: 'recent' }, after = null, limit, offset }: ExampleQuery,
): Promise<Example[]> {
  const { parameters, where } = exampleConditions(tenantId, filter, asOf)
  const orders = orderSql(order, parameters)
  const selected = `select ${columns} from examples where ${where}`
  const rows =
    after === null ? selected : selectAfter(selected, orders, after, parameters, limit + offset)
  parameters.push(limit, offset)
  const text = `${rows}
order by ${orders}
limit $${parameters.length - 1} offset $${parameters.length}`
  return runText<Example>(db, text, parameters)
}

export async function exampleCount(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
): Promise<number> {
  const { parameters, where } = exampleConditions(tenantId, filter, asOf)
  const text = `select count(*) as count from examples where ${where}`
  const [row] = await runText<{ count: number }>(db, text, parameters)
  return row!.count
}

/** The names of the splits that examples are in, in the order of their code points. */
export async function exampleListSplits(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
): Promise<string[]> {
  const { parameters, where } = exampleConditions(tenantId, filter, asOf)
  const text = `select split
from (select distinct unnest(examples.splits) as split from examples where ${where}) as named
order by split collate "C"`
  const rows = await runText<{ split: string }>(db, text, parameters)
  return rows.map(({ split }) => split)
}

/** Where the values of an example stand. */
export type ExamplePart = 'inputs' | 'outputs' | 'metadata'

/**
 * The keys of the objects under one part of examples, those first that stand first in their objects.
 * @param single the key of a value that is no object
 */
export async function exampleListKeys(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
  part: ExamplePart,
  single: string,
): Promise<string[]> {
  const { parameters, where } = exampleConditions(tenantId, filter, asOf)
  const value = `examples.${part}::json`
  const text = `select member.key
from examples
cross join lateral json_object_keys(
  case
    when ${value} is null then '{}'
    when json_typeof(${value}) = 'object' then ${value}
    else json_build_object($${parameters.push(single)}::text, null)
  end
) with ordinality as member (key, place)
where ${where}
group by member.key
order by min(member.place), member.key collate "C"`
  const rows = await runText<{ key: string }>(db, text, parameters)
  return rows.map(({ key }) => key)
}

/** One page of the current examples of a dataset, archived ones too, by id. @param after the last id of the page before */
export async function exampleListCurrentAfter(
  db: Queryable,
  tenantId: string,
  datasetId: string,
  after: string | null,
  limit: number,
): Promise<Example[]> {
  return runStatement<Example>(db, 'example_list_current_after', [
    tenantId,
    datasetId,
    after ?? '00000000-0000-0000-0000-000000000000',
    limit,
  ])
}

const columns = [
  'id',
  'external_id',
  'dataset_id',
  'valid_from',
  'created_at',
  'ordinal',
  'inputs',
  'outputs',
  'metadata',
  'splits',
  'archived',
  'source_trace_id',
  'external_source_trace_id',
  'source_run_id',
  'external_source_run_id',
  'attachments',
]
  .map((column) => `examples.${column}`)
  .join(', ')

/** What a `where` over `examples` says for these conditions, and what it binds from `$1` on. */
export function exampleConditions(
  tenantId: string,
  filter: ExampleFilter,
  asOf: ExampleMoment,
): { parameters: Parameter[]; where: string } {
  const parameters: Parameter[] = [tenantId]
  const bind = (value: Parameter) => `$${parameters.push(value)}`
  const parts = ['examples.tenant_id = $1', validSql(asOf, bind)]
  const { datasetId, ids, splits, metadata, texts, archived, sourceTraceId, sourceRunId } = filter
  if (datasetId !== undefined) parts.push(`examples.dataset_id = ${bind(datasetId)}::uuid`)
  if (ids !== undefined) parts.push(`examples.id = any(${bind(ids)}::uuid[])`)
  if (splits !== undefined) parts.push(`examples.splits && ${bind(splits)}::text[]`)
  if (metadata !== undefined) {
    // On the wire the splits are part of the metadata (contracts/langsmith.md 2.4.1).
    const whole = `(coalesce(examples.metadata, '{}') || jsonb_build_object('dataset_split', examples.splits))`
    parts.push(`${whole} @> ${bind(metadata)}::text::jsonb`)
  }
  for (const text of texts ?? []) {
    const patterns = containsPatterns(text).inJson
    const inputs = inline(matchSql('examples.inputs::text', 'ilike', patterns), bind)
    parts.push(
      `(${inputs} or ${inline(matchSql('examples.outputs::text', 'ilike', patterns), bind)})`,
    )
  }
  if (archived !== undefined) parts.push(archived ? 'examples.archived' : 'not examples.archived')
  if (sourceTraceId !== undefined)
    parts.push(`examples.source_trace_id = ${bind(sourceTraceId)}::uuid`)
  if (sourceRunId !== undefined) parts.push(`examples.source_run_id = ${bind(sourceRunId)}::uuid`)
  if (filter.filter !== undefined) {
    parts.push(`(${inline(exampleFilterSql(filter.filter, 'examples'), bind)}) is true`)
  }
  return { parameters, where: parts.join(' and ') }
}

function validSql(asOf: ExampleMoment, bind: (value: Parameter) => string): string {
  if (asOf === null) return `examples.valid_to = 'infinity'`
  if (typeof asOf !== 'string') {
    return `exists (
  select from dataset_tags
  where dataset_tags.tenant_id = examples.tenant_id and dataset_tags.dataset_id = examples.dataset_id
    and dataset_tags.tag = ${bind(asOf.tag)}::text
    and examples.valid_from <= dataset_tags.as_of and dataset_tags.as_of < examples.valid_to
)`
  }
  const time = `${bind(asOf)}::timestamptz`
  return `examples.valid_from <= ${time} and ${time} < examples.valid_to`
}

function orderSql(order: ExampleOrder, parameters: Parameter[]): string {
  if (order.by === 'random') {
    return `md5(examples.id::text || $${parameters.push(order.seed)}::text), examples.id`
  }
  const direction = order.isAscending === true ? 'asc' : 'desc'
  if (order.by === 'id') return `examples.id ${direction}`
  const column = order.by === 'recent' ? 'examples.valid_from' : 'examples.created_at'
  return `${column} ${direction}, examples.ordinal, examples.id`
}

/**
 * The rest of the version that `after` is in, then older versions, each by an index range of its own: an upload makes
 * any number of examples of one version, and as one condition with `or` every page would read all before it again.
 */
function selectAfter(
  selected: string,
  orders: string,
  { validFrom, ordinal, id }: Pick<Example, 'validFrom' | 'ordinal' | 'id'>,
  parameters: Parameter[],
  limit: number,
): string {
  const bind = (value: Parameter) => `$${parameters.push(value)}`
  const time = `${bind(validFrom)}::timestamptz`
  const place = `(${bind(ordinal)}::integer, ${bind(id)}::uuid)`
  const most = `order by ${orders} limit ${bind(limit)}`
  return `select * from (
  (${selected} and examples.valid_from = ${time} and (examples.ordinal, examples.id) > ${place} ${most})
  union all
  (${selected} and examples.valid_from < ${time} ${most})
) as examples`
}
