import sql, { join, raw, Sql } from 'sql-template-tag'
import {
  deniesRows,
  filterAttributes,
  pairConditions,
  type Attribute,
  type AttributeFamily,
  type FilterCondition,
  type FilterOperator,
  type FilterScalar,
  type Filter,
} from '../../../domain/filter.ts'
import { complementSql, conditionSql, type ColumnSql } from './condition-sql.ts'
import { scoredSql, type ScoreColumn, type SetSql } from './score-sql.ts'

/**
 * How the attributes of one kind of row are written in SQL. The SQL refers to aliases of the statement that it goes
 * into.
 */
export interface FilterSource {
  columns: Readonly<Partial<Record<Attribute, FilterColumn>>>
  feedback?: FeedbackRows
  /**
   * How a condition on rows that are shared, or on scores, is put. Absent: all that meet it are read once. `row`: it is
   * looked up for each row, which is best for a list that goes by its order until a page is full. `count`: as when absent,
   * but what an index finds is looked up by its ids, because no page ends the reading.
   */
  by?: 'row' | 'count'
}

export type FilterColumn = Sql | SharedColumn | ScoreColumn

export interface SharedColumn extends ColumnSql {
  /** Set when `sql` refers to a row that many rows have in common. */
  shared?: SharedRow
  /** Set when an index finds the rows that have a value. */
  found?: FoundRows
}

/** How rows are looked up by the value of a column, on an alias of their own. */
interface FoundRows {
  id: Sql
  /** FROM and WHERE. */
  rows: Sql
  /** The column, as the index has it. */
  column: ColumnSql
  operators: readonly FilterOperator[]
  /** The same on the list's own row, which a count reads: whether the index has it, and the column. */
  own?: { isIndexed: Sql; column: ColumnSql }
}

interface SharedRow {
  /** The attribute whose id tells which of the shared rows this is. */
  by: Attribute
  /** The id of a shared row. */
  id: Sql
  /** FROM and WHERE of all shared rows. */
  rows: Sql
  /** The row's own value, which takes precedence. */
  own?: Sql
}

export interface FeedbackRows {
  /** FROM and WHERE of the feedback on one row, as alias `filter_feedback`. */
  rows: Sql
  /**
   * Selects the ids of at least all rows that have feedback which meets a condition on `filter_feedback`.
   * @param limit reading may stop after this much feedback, because so many ids would not be used
   */
  idsWith?(condition: Sql, limit: number): Sql
}

/**
 * The filter as a condition on a row of the source. A null result counts as false, so the condition belongs directly in
 * a `where`, or before `is true`. Every value is bound.
 * @throws TypeError for an attribute that the source does not have
 */
export function filterSql(filter: Filter, source: FilterSource): Sql {
  switch (filter.kind) {
    case 'and': {
      const { pairs, others } = pairConditions(filter.terms)
      const parts = others.map((term) => filterSql(term, source))
      for (const [family, conditions] of pairs) parts.push(rowsSql(family, conditions, source))
      return sql`(${join(parts, ' and ')})`
    }
    case 'or': {
      const parts = filter.terms.map((term) => filterSql(term, source))
      return sql`(${join(parts, ' or ')})`
    }
    case 'not':
      return sql`(${complementSql(filterSql(filter.term, source))})`
    case 'search':
      return sql`(${freeSearchSql(filter.text, source)})`
    case 'condition': {
      const [pair] = pairConditions([filter]).pairs
      if (pair !== undefined) return rowsSql(...pair, source)
      return sql`(${columnConditionSql(filter, source)})`
    }
  }
}

/** All of the filters, as the rest of a `where`. */
export function filterListSql(filters: readonly Filter[], source: FilterSource): Sql {
  return filters.reduce((rest, filter) => sql`${rest}\n    and ${filterSql(filter, source)}`, sql``)
}

function columnConditionSql(condition: FilterCondition, source: FilterSource): Sql {
  const { isDenied, affirmed } = affirmedOf(condition)
  const { type } = filterAttributes[condition.attribute]
  if (source.by === 'count' && !hasIndex(source.columns[condition.attribute])) {
    const own = ownFoundSql(condition, source)
    if (own !== null) return own
    const found = foundSql(condition, source)
    if (found !== null) return sql`${ownColumn('id', source).sql} = any (array(${found}))`
  }
  const set = setSql(affirmed, source)
  if (set === null) return conditionSql(type, ownColumn(condition.attribute, source), condition)
  // This set is read once and hashed. It avoids both a look-up for each row and, where the planner knows little or
  // nothing of the tables, one more join whose place in the order it would have to choose.
  const among =
    source.by === 'row'
      ? set.ofRow
      : sql`(${ownColumn(set.by, source).sql} in (select unnest(array(${set.select})))) is true`
  const isMet =
    set.own === undefined
      ? among
      : sql`case when ${set.own} is not null then ${conditionSql(type, { sql: set.own }, affirmed)} else ${among} end`
  return isDenied ? complementSql(isMet) : isMet
}

/** True when the listed table itself has an index on the column. */
function hasIndex(column: FilterColumn | undefined): boolean {
  return column !== undefined && 'isIndexed' in column && column.shared === undefined
}

/** Splits off the denial from a condition: a row meets a denied condition where it does not meet the affirmed one. */
function affirmedOf(condition: FilterCondition): { isDenied: boolean; affirmed: FilterCondition } {
  const { operator, value } = condition
  if (operator === 'nin') return { isDenied: true, affirmed: { ...condition, operator: 'in' } }
  if (operator === (value === null ? 'eq' : 'neq')) {
    const affirmed = { ...condition, operator: value === null ? 'neq' : 'eq' } as const
    return { isDenied: true, affirmed }
  }
  return { isDenied: false, affirmed: condition }
}

/** A condition on what a row shares with others, or on its scores. */
interface SetCondition extends SetSql {
  /** The id attribute that tells which of the shared or scored rows this is. */
  by: Attribute
  own?: Sql
}

/**
 * Returns null when a condition is about the row itself.
 * @param limit see filterSetSql
 */
function setSql(
  condition: FilterCondition,
  source: FilterSource,
  limit?: number,
): SetCondition | null {
  const column = source.columns[condition.attribute]
  if (column === undefined || !('rows' in column || 'shared' in column)) return null
  if ('rows' in column) return { by: column.by, ...scoredSql(column, condition, limit) }
  const { by, id, rows, own } = column.shared!
  const { type } = filterAttributes[condition.attribute]
  const isMet = conditionSql(type, column, condition)
  const select = sql`select ${id} from ${rows} and (${isMet})`
  const ofRow = sql`(select ${isMet} from ${rows} and ${id} = ${ownColumn(by, source).sql})`
  return own === undefined ? { by, select, ofRow } : { by, select, ofRow, own }
}

/** Selects ids that the rows which meet a filter have. */
export interface FilterSet {
  /** The attribute that holds one of these ids. */
  by: Attribute
  select: Sql
  /** True when every row with one of these ids meets the filter. */
  isExact: boolean
}

/**
 * Returns the ids by which a filter's rows could be looked up; null when there are none to look up by. A denial has
 * none, because most rows meet it.
 * @param limit reading may stop after this many ids, of which some may then be null
 */
export function filterSetSql(
  filter: Filter,
  source: FilterSource,
  limit: number,
): FilterSet | null {
  if (filter.kind === 'condition') {
    const { isDenied, affirmed } = affirmedOf(filter)
    const set = isDenied ? null : setSql(affirmed, source, limit)
    if (set !== null && set.own === undefined) {
      return { by: set.by, select: set.select, isExact: true }
    }
    const select = foundSql(filter, source)
    if (select !== null) return { by: 'id', select, isExact: true }
  }
  if (filter.kind === 'and') {
    for (const term of filter.terms) {
      const select = term.kind === 'condition' ? foundSql(term, source) : null
      if (select !== null) return { by: 'id', select, isExact: false }
    }
  }
  if (source.feedback?.idsWith === undefined) return null
  const { pairs } = pairConditions(filter.kind === 'and' ? filter.terms : [filter])
  const conditions = pairs.get('feedback') ?? []
  if (conditions.every(deniesRows)) return null
  const isMet = join(conditions.map(onRowSql), ' and ')
  return { by: 'id', select: source.feedback.idsWith(isMet, limit), isExact: false }
}

/** Selects the ids of the rows that meet a condition, where an index finds them. */
function foundSql(condition: FilterCondition, { columns }: FilterSource): Sql | null {
  const column = columns[condition.attribute]
  if (column === undefined || !('found' in column) || column.found === undefined) return null
  const isMet = indexedSql(condition, column.found.column, column.found.operators)
  return isMet === null
    ? null
    : sql`select ${column.found.id} from ${column.found.rows} and ${isMet}`
}

/** The same as a condition on the list's own row, which is read once then and not twice. */
function ownFoundSql(condition: FilterCondition, { columns }: FilterSource): Sql | null {
  const column = columns[condition.attribute]
  if (column === undefined || !('found' in column) || column.found?.own === undefined) return null
  const { own, operators } = column.found
  const isMet = indexedSql(condition, own.column, operators)
  return isMet === null ? null : sql`(${own.isIndexed} and ${isMet})`
}

/** A condition on a column as the index has it; null where the index does not help. */
function indexedSql(
  condition: FilterCondition,
  indexed: ColumnSql,
  operators: readonly FilterOperator[],
): Sql | null {
  const { operator, value, key } = condition
  if (!operators.includes(operator) || value === null || key !== undefined) return null
  const { type } = filterAttributes[condition.attribute]
  const isMet = conditionSql(type, indexed, condition)
  if (type !== 'tags') return sql`(${isMet})`
  const tags = ([value].flat() as readonly FilterScalar[]).map(String)
  // Rows without any tag have all of none, and no index finds them.
  if (tags.length === 0) return null
  const shares = operator === 'in' ? sql`&&` : sql`@>`
  return sql`runmill_tag_keys(${indexed.sql}) ${shares} runmill_tag_keys(${tags}::text[]) and (${isMet})`
}

function freeSearchSql(text: string, source: FilterSource): Sql {
  const searched = ['name', 'inputs', 'outputs', 'error'] as const
  return join(
    searched.map((attribute) =>
      columnConditionSql({ kind: 'condition', attribute, operator: 'search', value: text }, source),
    ),
    ' or ',
  )
}

/**
 * Conditions of one family in one `and` are about the same row (contracts/langsmith.md 4.3). If one of them is
 * positive, some row must meet them all; if none is, each of them rules out any row of its kind.
 */
function rowsSql(
  family: AttributeFamily,
  conditions: readonly FilterCondition[],
  source: FilterSource,
): Sql {
  const entry = family === 'metadata' ? oneEntrySql(conditions, source) : null
  if (entry !== null) return entry
  const rows = rowsOf(family, source)
  if (conditions.some((condition) => !deniesRows(condition))) {
    return sql`exists (${rows} and ${join(conditions.map(onRowSql), ' and ')})`
  }
  const denied = conditions.map((condition) => onRowSql(affirmedOf(condition).affirmed))
  return sql`not exists (${rows} and (${join(denied, ' or ')}))`
}

/**
 * Conditions on the entry of one key, which is looked up: to list the entries of each map takes ten times as long.
 * @returns null when they do not name one key
 */
function oneEntrySql(conditions: readonly FilterCondition[], source: FilterSource): Sql | null {
  const [named, ...more] = conditions.filter(
    ({ attribute, operator, value }) =>
      attribute === 'metadata_key' && operator === 'eq' && typeof value === 'string',
  )
  if (named === undefined || more.length > 0) return null
  const others = conditions.filter((condition) => condition !== named)
  if (others.some(({ attribute }) => attribute === 'metadata_key')) return null
  const { sql: metadata } = ownColumn('metadata', source)
  const entry = sql`(${metadata} ->> ${named.value}::text)`
  const parts = others.map(
    (condition) => sql`(${conditionSql('scalar', { sql: entry }, condition)})`,
  )
  return sql`(${join([sql`${metadata} ? ${named.value}::text`, ...parts], ' and ')})`
}

function onRowSql(condition: FilterCondition): Sql {
  const { type } = filterAttributes[condition.attribute]
  return sql`(${conditionSql(type, { sql: rowColumns[condition.attribute]! }, condition)})`
}

function rowsOf(family: AttributeFamily, source: FilterSource): Sql {
  switch (family) {
    case 'metadata': {
      const { sql: metadata } = ownColumn('metadata', source)
      return sql`select 1 from jsonb_each_text(${metadata}) as filter_entry(key, value) where true`
    }
    case 'feedback':
      if (source.feedback === undefined) throw new TypeError('these rows have no feedback')
      return sql`select 1 from ${source.feedback.rows}`
    case 'input':
      return entriesOf(ownColumn('inputs', source).sql)
    case 'output':
      return entriesOf(ownColumn('outputs', source).sql)
  }
}

/**
 * The entries of a `json` column, including those of inner objects. Postgres raises an error when it decodes `\u0000`
 * or half of a surrogate pair, so every such escape is replaced first, and valid escaped pairs are lost with them. Each
 * level is parsed anew; the limit of 16 levels bounds what one hostile document can cost.
 */
function entriesOf(column: Sql): Sql {
  return sql`with recursive filter_body(value) as (
      select regexp_replace(${column}::text, '\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\\\ufffd', 'g')::json
    ), filter_tree(key, value, level) as (
      select entry.key, entry.value, 1 from filter_body,
        json_each(case when json_typeof(filter_body.value) = 'object' then filter_body.value else '{}' end) as entry
      union all
      select filter_tree.key || '.' || entry.key, entry.value, level + 1 from filter_tree,
        json_each(case when json_typeof(filter_tree.value) = 'object' then filter_tree.value else '{}' end) as entry
      where level < 16
    )
    select 1 from (select key, value #>> '{}' as value from filter_tree) as filter_entry where true`
}

/** The columns of the family's row. */
const rowColumns: Partial<Record<Attribute, Sql>> = {
  metadata_key: raw('filter_entry.key'),
  metadata_value: raw('filter_entry.value'),
  input_key: raw('filter_entry.key'),
  input_value: raw('filter_entry.value'),
  output_key: raw('filter_entry.key'),
  output_value: raw('filter_entry.value'),
  feedback_key: raw('filter_feedback.key'),
  feedback_score: raw('filter_feedback.score_number'),
  // JSON other than a string is compared by its text, and JSON's null counts as no value.
  feedback_value: raw(
    `coalesce(filter_feedback.value_text, nullif(filter_feedback.value::text, 'null'))`,
  ),
  feedback_comment: raw('filter_feedback.comment'),
  feedback_source: raw('filter_feedback.source_type'),
}

function ownColumn(attribute: Attribute, { columns }: FilterSource): SharedColumn {
  const column = columns[attribute]
  if (column === undefined || 'rows' in column) {
    throw new TypeError(`these rows have no ${attribute} of their own`)
  }
  return column instanceof Sql ? { sql: column } : column
}
