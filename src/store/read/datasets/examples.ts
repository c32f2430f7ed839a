import sql, { join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { containsPatterns, matchSql } from '../filter/condition-sql.ts'
import type { Example, ExampleMoment } from './example.ts'
import { exampleFilterSql } from './example-filter.ts'

/** All conditions that are given must hold. */
export interface ExampleFilter {
  datasetId?: string
  ids?: string[]
  /** The example is in any of these splits. */
  splits?: string[]
  /**
   * A JSON value that the metadata, with `dataset_split` added, must contain; made fit for `jsonb` (see `jsonbText`).
   */
  metadata?: JsonText
  /** Each of these texts occurs in the inputs or outputs, in upper or lower case. */
  texts?: string[]
  archived?: boolean
  sourceTraceId?: string
  sourceRunId?: string
  /** The filter language, over the attributes of `exampleAttributes` only. */
  filter?: Filter
}

export type ExampleOrder =
  /** Newest version first, and within one request in the order sent. */
  | { by: 'recent'; isAscending?: boolean }
  | { by: 'created'; isAscending?: boolean }
  | { by: 'id'; isAscending?: boolean }
  /** The same seed gives the same shuffle. */
  | { by: 'random'; seed: string }

export interface ExampleQuery {
  tenantId: string
  filter: ExampleFilter
  asOf: ExampleMoment
  /** Default: recent. */
  order?: ExampleOrder
  /** In the order `recent`, only examples after this one. Readers of a whole dataset page by this key. */
  after?: Pick<Example, 'validFrom' | 'ordinal' | 'id'> | null
  limit: number
  offset: number
}

/** Reads one page of examples. */
export async function exampleList(
  db: Queryable,
  { tenantId, filter, asOf, order = { by: 'recent' }, after = null, limit, offset }: ExampleQuery,
): Promise<Example[]> {
  const orders = orderSql(order)
  const selected = sql`select ${columns}
from examples
where examples.tenant_id = ${tenant} and ${exampleConditionsSql(filter, asOf)}`
  const rows = after === null ? selected : selectAfter(selected, orders, after, limit + offset)
  const statement = sql`
-- name: example_list
-- One page of the examples that meet a filter, as of a moment, in an order or behind one of them. Reads only.
${rows}
order by ${orders}
limit ${limit} offset ${offset}`
  return runComposed<Example>(db, tenantId, statement)
}

export async function exampleCount(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
): Promise<number> {
  const statement = sql`
-- name: example_count
-- How many examples meet a filter, as of a moment. Reads only.
select count(*) as count
from examples
where examples.tenant_id = ${tenant} and ${exampleConditionsSql(filter, asOf)}`
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement)
  return row!.count
}

/** Lists the names of the splits that examples are in, in the order of their code points. */
export async function exampleListSplits(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
): Promise<string[]> {
  const where = exampleConditionsSql(filter, asOf)
  const statement = sql`
-- name: example_list_splits
-- The splits of the examples that meet a filter, as of a moment, sorted. Reads only.
select split
from (
  select distinct unnest(examples.splits) as split from examples
  where examples.tenant_id = ${tenant} and ${where}
) as named
order by split collate "C"`
  const rows = await runComposed<{ split: string }>(db, tenantId, statement)
  return rows.map(({ split }) => split)
}

/** The columns of an example that hold its values. */
export type ExampleJsonField = 'inputs' | 'outputs' | 'metadata'

/**
 * Lists the keys of the objects in one field of examples, ordered by how early they appear in their objects.
 * @param single the key that stands for a value that is not an object
 */
export async function exampleListKeys(
  db: Queryable,
  { tenantId, filter, asOf }: Pick<ExampleQuery, 'tenantId' | 'filter' | 'asOf'>,
  field: ExampleJsonField,
  single: string,
): Promise<string[]> {
  const value = sql`examples.${raw(field)}::json`
  const statement = sql`
-- name: example_list_keys
-- The keys in one field of the examples that meet a filter, as of a moment, ordered by how early they appear.
-- Reads only.
select member.key
from examples
cross join lateral json_object_keys(
  case
    when ${value} is null then '{}'
    when json_typeof(${value}) = 'object' then ${value}
    else json_build_object(${single}::text, null)
  end
) with ordinality as member (key, place)
where examples.tenant_id = ${tenant} and ${exampleConditionsSql(filter, asOf)}
group by member.key
order by min(member.place), member.key collate "C"`
  const rows = await runComposed<{ key: string }>(db, tenantId, statement)
  return rows.map(({ key }) => key)
}

/**
 * Reads one page of the current examples of a dataset by id, including archived ones.
 * @param after the last id of the page before
 */
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

const columns = sql`examples.id, examples.external_id, examples.dataset_id, examples.valid_from, examples.created_at,
  examples.ordinal, examples.inputs, examples.outputs, examples.metadata, examples.splits, examples.archived,
  examples.source_trace_id, examples.external_source_trace_id, examples.source_run_id,
  examples.external_source_run_id, examples.attachments`

/** These conditions as the rest of a `where` over the tenant's `examples`. */
export function exampleConditionsSql(filter: ExampleFilter, asOf: ExampleMoment): Sql {
  const conditions = [validSql(asOf)]
  const add = (condition: Sql) => conditions.push(condition)
  const { datasetId, ids, splits, metadata, texts, archived, sourceTraceId, sourceRunId } = filter
  if (datasetId !== undefined) add(sql`examples.dataset_id = ${datasetId}::uuid`)
  if (ids !== undefined) add(sql`examples.id = any(${ids}::uuid[])`)
  if (splits !== undefined) add(sql`examples.splits && ${splits}::text[]`)
  if (metadata !== undefined) {
    // On the wire the splits are part of the metadata (contracts/langsmith.md 2.4.1).
    const whole = sql`(coalesce(examples.metadata, '{}') || jsonb_build_object('dataset_split', examples.splits))`
    add(sql`${whole} @> ${metadata}::text::jsonb`)
  }
  for (const text of texts ?? []) {
    const patterns = containsPatterns(text).inJson
    const inputs = matchSql(sql`examples.inputs::text`, 'ilike', patterns)
    const outputs = matchSql(sql`examples.outputs::text`, 'ilike', patterns)
    add(sql`(${inputs} or ${outputs})`)
  }
  if (archived !== undefined) add(archived ? sql`examples.archived` : sql`not examples.archived`)
  if (sourceTraceId !== undefined) add(sql`examples.source_trace_id = ${sourceTraceId}::uuid`)
  if (sourceRunId !== undefined) add(sql`examples.source_run_id = ${sourceRunId}::uuid`)
  if (filter.filter !== undefined) {
    add(sql`(${exampleFilterSql(filter.filter, 'examples')}) is true`)
  }
  return join(conditions, ' and ')
}

function validSql(asOf: ExampleMoment): Sql {
  if (asOf === null) return sql`examples.valid_to = 'infinity'`
  if (typeof asOf !== 'string') {
    return sql`exists (
  select from dataset_tags
  where dataset_tags.tenant_id = ${tenant} and dataset_tags.dataset_id = examples.dataset_id
    and dataset_tags.tag = ${asOf.tag}::text
    and examples.valid_from <= dataset_tags.as_of and dataset_tags.as_of < examples.valid_to
)`
  }
  const time = sql`${asOf}::timestamptz`
  return sql`examples.valid_from <= ${time} and ${time} < examples.valid_to`
}

function orderSql(order: ExampleOrder): Sql {
  if (order.by === 'random') {
    return sql`md5(examples.id::text || ${order.seed}::text), examples.id`
  }
  const direction = raw(order.isAscending === true ? 'asc' : 'desc')
  if (order.by === 'id') return sql`examples.id ${direction}`
  const column = order.by === 'recent' ? sql`examples.valid_from` : sql`examples.created_at`
  return sql`${column} ${direction}, examples.ordinal, examples.id`
}

/**
 * Reads the rest of the version that `after` is in, then older versions, each by an index range of its own. An upload
 * makes any number of examples of one version, and with one condition joined by `or` every page would read all examples
 * before it again.
 */
function selectAfter(
  selected: Sql,
  orders: Sql,
  { validFrom, ordinal, id }: Pick<Example, 'validFrom' | 'ordinal' | 'id'>,
  limit: number,
): Sql {
  const time = sql`${validFrom}::timestamptz`
  const place = sql`(${ordinal}::integer, ${id}::uuid)`
  const most = sql`order by ${orders} limit ${limit}`
  return sql`select * from (
  (${selected} and examples.valid_from = ${time} and (examples.ordinal, examples.id) > ${place} ${most})
  union all
  (${selected} and examples.valid_from < ${time} ${most})
) as examples`
}

/**
 * Finds the versions of examples that were valid at given times.
 * @returns when each version began, in the order of `wanted`; null where there was no such example
 */
export async function exampleBeginsAsOf(
  db: Queryable,
  tenantId: string,
  wanted: readonly { id: string; asOf: Timestamp }[],
): Promise<(Timestamp | null)[]> {
  const rows = await runStatement<{ index: number; validFrom: Timestamp }>(
    db,
    'example_list_begins_as_of',
    [tenantId, wanted.map(({ id }) => id), wanted.map(({ asOf }) => asOf)],
  )
  const begins = new Map(rows.map(({ index, validFrom }) => [index, validFrom]))
  return wanted.map((_, index) => begins.get(index) ?? null)
}
