import { resolveId, type IdKind } from '../../domain/ids.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import type { Parameter } from '../statements.ts'
import { numberInText } from './filter-condition-sql.ts'

type TextOperator = '=' | 'contains' | 'does not contain' | 'starts with' | 'ends with' | 'matches'
type NumberOperator = '=' | '>' | '<' | '>=' | '<='
type OptionOperator = 'any of' | 'none of'

/** One condition of Langfuse's `filter` (contracts/langfuse.md 2.17). */
export type LangfuseCondition = { column: string } & (
  | { type: 'datetime'; operator: '>' | '<' | '>=' | '<='; value: Timestamp }
  | { type: 'string'; operator: TextOperator; value: string }
  | { type: 'number'; operator: NumberOperator; value: number }
  | { type: 'stringOptions'; operator: OptionOperator; value: string[] }
  | { type: 'arrayOptions'; operator: OptionOperator | 'all of'; value: string[] }
  | { type: 'categoryOptions'; key: string; operator: OptionOperator; value: string[] }
  | { type: 'stringObject'; key: string; operator: TextOperator; value: string }
  | { type: 'numberObject'; key: string; operator: NumberOperator; value: number }
  | { type: 'booleanObject'; key: string; operator: '=' | '<>'; value: boolean }
  | { type: 'boolean'; operator: '=' | '<>'; value: boolean }
  | { type: 'null'; operator: 'is null' | 'is not null' }
)

type ConditionType = LangfuseCondition['type']

/** What a condition is about. The SQL speaks of aliases of the statement it goes into. */
export type FilterColumn =
  | {
      kind: 'text'
      sql: string
      /** A condition that holds for every row with this value, and that an index can answer. */
      seek?: (placeholder: string) => string
    }
  /** `sql` is the UUID, `shown` what clients know it as. */
  | { kind: 'id'; of: IdKind; sql: string; shown: string }
  | { kind: 'number' | 'time' | 'flag' | 'list' | 'map'; sql: string }
  /** `sql`: FROM and WHERE of the feedback of one row, whose alias is `score`. */
  | { kind: 'averages' | 'categories' | 'booleans'; sql: string }

export type FilterColumns = Readonly<Record<string, FilterColumn>>

const allowed: Record<FilterColumn['kind'], readonly ConditionType[]> = {
  text: ['string', 'stringOptions', 'null'],
  id: ['string', 'stringOptions', 'null'],
  number: ['number', 'null'],
  time: ['datetime', 'null'],
  flag: ['boolean', 'null'],
  list: ['arrayOptions', 'stringOptions', 'null'],
  map: ['stringObject', 'numberObject', 'booleanObject', 'categoryOptions', 'null'],
  averages: ['numberObject'],
  categories: ['categoryOptions'],
  booleans: ['booleanObject'],
}

/** Types of conditions that suit a column; null when there is no such column. */
export function filterTypesOf(
  columns: FilterColumns,
  column: string,
): readonly ConditionType[] | null {
  return Object.hasOwn(columns, column) ? allowed[columns[column]!.kind] : null
}

/** Takes a parameter, gives back its placeholder. */
export type Bind = (value: Parameter) => string

/**
 * One condition; its result may be null, which counts as no. What denies (`none of`, `does not contain`, `<>`) is the exact
 * complement of what it denies.
 * @param condition one that `filterTypesOf` allows; @throws TypeError otherwise
 */
export function langfuseConditionSql(
  columns: FilterColumns,
  condition: LangfuseCondition,
  bind: Bind,
): string {
  const column = Object.hasOwn(columns, condition.column) ? columns[condition.column]! : null
  if (column === null || !allowed[column.kind].includes(condition.type)) {
    throw new TypeError(`${condition.type} does not suit ${condition.column}`)
  }
  switch (condition.type) {
    case 'datetime':
      return timeSql(column.sql, condition.operator, condition.value, bind)
    case 'string':
      return column.kind === 'id'
        ? idSql(column, condition.operator, condition.value, bind)
        : textColumnSql(column, condition.operator, condition.value, bind)
    case 'number':
      return `${column.sql} ${condition.operator} ${numberOf(condition.value, bind)}`
    case 'stringOptions':
      return optionsSql(column, condition.operator, condition.value, bind)
    case 'arrayOptions':
      return listSql(column.sql, condition.operator, condition.value, bind)
    case 'categoryOptions':
      return categoriesSql(column, condition, bind)
    case 'stringObject':
      return textSql(memberSql(column.sql, condition.key, bind), condition, bind)
    case 'numberObject':
      return `${numbersSql(column, condition.key, bind)} ${condition.operator} ${numberOf(condition.value, bind)}`
    case 'booleanObject':
      return booleansSql(column, condition, bind)
    case 'boolean':
      return unless(condition.operator === '<>', `${column.sql} = ${flagOf(condition.value, bind)}`)
    case 'null':
      return `(${column.sql}) ${condition.operator}`
  }
}

/** All of them, as the rest of a `where`. */
export function langfuseFilterSql(
  columns: FilterColumns,
  conditions: readonly LangfuseCondition[],
  bind: Bind,
): string {
  return conditions
    .map((condition) => `\n    and (${langfuseConditionSql(columns, condition, bind)})`)
    .join('')
}

function unless(isDenied: boolean, condition: string): string {
  return isDenied ? `(${condition}) is not true` : condition
}

function numberOf(value: number, bind: Bind): string {
  return `${bind(String(value))}::text::numeric`
}

function flagOf(value: boolean, bind: Bind): string {
  return `${bind(String(value))}::text::boolean`
}

function textOf(value: string, bind: Bind): string {
  return `${bind(value)}::text`
}

/** Clients see milliseconds: a time counts as the millisecond that it is in. */
function timeSql(sql: string, operator: string, value: Timestamp, bind: Bind): string {
  const bound = (time: Timestamp) => `${bind(time)}::text::timestamptz`
  if (operator === '<' || operator === '>=') return `${sql} ${operator} ${bound(value)}`
  const next = fromEpochMs(toEpochMs(value) + 1) ?? value
  return `${sql} ${operator === '>' ? '>=' : '<'} ${bound(next)}`
}

function textColumnSql(
  column: FilterColumn,
  operator: TextOperator,
  value: string,
  bind: Bind,
): string {
  const condition = textSql(column.sql, { operator, value }, bind)
  if (column.kind !== 'text' || column.seek === undefined || operator !== '=') return condition
  return `${column.seek(textOf(value, bind))} and ${condition}`
}

function textSql(
  sql: string,
  { operator, value }: { operator: TextOperator; value: string },
  bind: Bind,
): string {
  const text = textOf(value, bind)
  switch (operator) {
    case '=':
      return `${sql} = ${text}`
    case 'contains':
      return `strpos(${sql}, ${text}) > 0`
    case 'does not contain':
      return `(strpos(${sql}, ${text}) > 0) is not true`
    case 'starts with':
      return `starts_with(${sql}, ${text})`
    case 'ends with':
      return `right(${sql}, length(${text})) = ${text}`
    case 'matches':
      return `strpos(lower(${sql}), lower(${text})) > 0`
  }
}

/** An id is compared by what it resolves to; its spelling is looked into. */
function idSql(
  column: FilterColumn & { kind: 'id' },
  operator: TextOperator,
  value: string,
  bind: Bind,
): string {
  if (operator !== '=') return textSql(column.shown, { operator, value }, bind)
  return `${column.sql} = ${bind(resolveId(column.of, value).id)}::uuid`
}

function optionsSql(
  column: FilterColumn,
  operator: OptionOperator,
  values: string[],
  bind: Bind,
): string {
  if (column.kind === 'list') return listSql(column.sql, operator, values, bind)
  const among =
    column.kind === 'id'
      ? `any (${bind(values.map((value) => resolveId(column.of, value).id))}::uuid[])`
      : `any (${bind(values)}::text[])`
  return unless(operator === 'none of', `${column.sql} = ${among}`)
}

function listSql(
  sql: string,
  operator: OptionOperator | 'all of',
  values: string[],
  bind: Bind,
): string {
  const list = `${bind(values)}::text[]`
  // Of no options, any is none and all are there.
  if (operator === 'all of') return `coalesce(${sql}, '{}') @> ${list}`
  return unless(operator === 'none of', `${sql} && ${list}`)
}

/** A member of a map, by its key or by its path; an inner map or list as its text. */
function memberSql(sql: string, key: string, bind: Bind): string {
  const name = textOf(key, bind)
  return `coalesce(${sql} ->> ${name}, ${sql} #>> string_to_array(${name}, '.'))`
}

function numbersSql(column: FilterColumn, key: string, bind: Bind): string {
  if (column.kind === 'map') return `(${numberInText(memberSql(column.sql, key, bind))})`
  return `(select avg(score.score_number) from ${column.sql}
      and score.key = ${textOf(key, bind)} and coalesce(score.data_type, '') not in ('CATEGORICAL', 'CORRECTION', 'TEXT'))::numeric`
}

function categoriesSql(
  column: FilterColumn,
  { key, operator, value }: { key: string; operator: OptionOperator; value: string[] },
  bind: Bind,
): string {
  const options = `any (${bind(value)}::text[])`
  const condition =
    column.kind === 'map'
      ? `${memberSql(column.sql, key, bind)} = ${options}`
      : `exists (select from ${column.sql} and score.key = ${textOf(key, bind)} and score.value_text = ${options})`
  return unless(operator === 'none of', condition)
}

function booleansSql(
  column: FilterColumn,
  { key, operator, value }: { key: string; operator: '=' | '<>'; value: boolean },
  bind: Bind,
): string {
  const condition =
    column.kind === 'map'
      ? `${memberSql(column.sql, key, bind)} = ${flagOf(value, bind)}::text`
      : `exists (select from ${column.sql} and score.key = ${textOf(key, bind)}
          and (score.data_type = 'BOOLEAN' or score.data_type is null and score.score::text in ('true', 'false'))
          and score.score_number = ${value ? 1 : 0})`
  return unless(operator === '<>', condition)
}
