import type { Sql } from 'sql-template-tag'
import { resolveId, type IdKind } from '../../../domain/ids.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../../domain/timestamp.ts'
import type { Parameter } from '../../statements.ts'
import { fromText } from '../bridge.ts'
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
      kind: 'text' | 'number' | 'time' | 'flag' | 'list' | 'map'
      sql: string
      /** `sql` speaks of a row that many have in common. */
      shared?: SharedRow
      /** An index holds the first 200 characters of it. */
      isIndexed?: true
      /** What holds wherever it has this value, and an index can answer. */
      implies?: Readonly<Record<string, string>>
    }
  /** `sql` is the UUID, `shown` what clients know it as. */
  | { kind: 'id'; of: IdKind; sql: string; shown: string }
  | ScoreColumn

/** `rows`: FROM and WHERE of all feedback, as alias `score`, whose `target` is what the id column `by` holds. */
interface ScoreColumn {
  kind: 'averages' | 'categories' | 'booleans'
  by: string
  rows: string
}

/** `rows`: FROM and WHERE of these rows; `id` of one is what the id column `by` of the row that is filtered holds. */
interface SharedRow {
  by: string
  id: string
  rows: string
  /** The row's own value comes first. */
  own?: string
}

type OwnColumn = Exclude<FilterColumn, ScoreColumn>

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
  const { isDenied, affirmed } = affirmedOf(condition)
  return unless(isDenied, affirmedSql(columns, column, affirmed, bind))
}

/** The condition without its denial. */
function affirmedOf(condition: LangfuseCondition): {
  isDenied: boolean
  affirmed: LangfuseCondition
} {
  switch (condition.operator) {
    case 'does not contain':
      return { isDenied: true, affirmed: { ...condition, operator: 'contains' } }
    case 'none of':
      return { isDenied: true, affirmed: { ...condition, operator: 'any of' } }
    case '<>':
      return { isDenied: true, affirmed: { ...condition, operator: '=' } }
    case 'is null':
      return { isDenied: true, affirmed: { ...condition, operator: 'is not null' } }
    default:
      return { isDenied: false, affirmed: condition }
  }
}

function affirmedSql(
  columns: FilterColumns,
  column: FilterColumn,
  condition: LangfuseCondition,
  bind: Bind,
): string {
  const set = setSql(column, condition, bind)
  if (set === null) return ownSql(column as OwnColumn, condition, bind)
  const by = columns[set.by] as OwnColumn
  const among = amongSql(by.sql, set.select)
  if (set.own === undefined) return among
  const own = { ...(column as OwnColumn), sql: set.own }
  return `case when ${set.own} is not null then ${ownSql(own, condition, bind)} else ${among} end`
}

/** The set that a condition asks to be in, of what the id column `by` holds; null where it is about the row itself. */
function setSql(
  column: FilterColumn,
  condition: LangfuseCondition,
  bind: Bind,
): { by: string; select: string; own: string | undefined } | null {
  if ('rows' in column) {
    return { by: column.by, select: scoredSql(column, condition, bind), own: undefined }
  }
  if (!('shared' in column) || column.shared === undefined) return null
  const { by, id, rows, own } = column.shared
  return { by, own, select: `select ${id} from ${rows} and ${ownSql(column, condition, bind)}` }
}

/**
 * The select of a condition's set, where all rows that meet the condition are in it and it is in none of the rows
 * themselves; else null. @returns `by`: the column whose ids it selects
 */
export function langfuseSetSql(
  columns: FilterColumns,
  condition: LangfuseCondition,
  bind: Bind,
): { by: string; select: string } | null {
  if (!Object.hasOwn(columns, condition.column) || affirmedOf(condition).isDenied) return null
  const set = setSql(columns[condition.column]!, condition, bind)
  return set === null || set.own !== undefined ? null : set
}

/**
 * Membership in a set that is read once and hashed: neither a look-up for each row nor, where the planner knows nothing
 * of the tables or much of them, one more join for it to choose the order of.
 */
function amongSql(key: string, select: string): string {
  return `(${key} in (select unnest(array(${select})))) is true`
}

function ownSql(column: OwnColumn, condition: LangfuseCondition, bind: Bind): string {
  switch (condition.type) {
    case 'datetime':
      return timeSql(column.sql, condition.operator, condition.value, bind)
    case 'string':
      return column.kind === 'id'
        ? idSql(column, condition.operator, condition.value, bind)
        : soughtTextSql(column, condition, bind)
    case 'number':
      return `${column.sql} ${condition.operator} ${numberOf(condition.value, bind)}`
    case 'stringOptions':
      return optionsSql(column, condition.value, bind)
    case 'arrayOptions':
      return listSql(column.sql, condition.operator, condition.value, bind)
    case 'categoryOptions':
      return `${memberSql(column.sql, condition.key, bind)} = any (${bind(condition.value)}::text[])`
    case 'stringObject':
      return textSql(memberSql(column.sql, condition.key, bind), condition, bind)
    case 'numberObject':
      return `(${numberInText(memberSql(column.sql, condition.key, bind))}) ${condition.operator} ${numberOf(condition.value, bind)}`
    case 'booleanObject':
      return `${memberSql(column.sql, condition.key, bind)} = ${flagOf(condition.value, bind)}::text`
    case 'boolean':
      return `${column.sql} = ${flagOf(condition.value, bind)}`
    case 'null':
      return `(${column.sql}) is not null`
  }
}

/** What the scores that meet a condition are about. */
function scoredSql({ rows }: ScoreColumn, condition: LangfuseCondition, bind: Bind): string {
  const scored = (name: string, rest: string) =>
    `select score.target from ${rows} and score.key = ${textOf(name, bind)} and ${rest}`
  switch (condition.type) {
    case 'numberObject':
      return scored(
        condition.key,
        `coalesce(score.data_type, '') not in ('CATEGORICAL', 'CORRECTION', 'TEXT')
      group by score.target
      having avg(score.score_number)::numeric ${condition.operator} ${numberOf(condition.value, bind)}`,
      )
    case 'categoryOptions':
      return scored(condition.key, `score.value_text = any (${bind(condition.value)}::text[])`)
    case 'booleanObject':
      return scored(
        condition.key,
        `(score.data_type = 'BOOLEAN' or score.data_type is null and score.score::text in ('true', 'false'))
      and score.score_number = ${condition.value ? 1 : 0}`,
      )
    default:
      throw new TypeError(`${condition.type} does not suit scores`)
  }
}

/** All of them, as the rest of a `where`. */
export function langfuseFilterSql(
  columns: FilterColumns,
  conditions: readonly LangfuseCondition[],
): Sql {
  return fromText((bind) =>
    conditions
      .map((condition) => `\n    and (${langfuseConditionSql(columns, condition, bind)})`)
      .join(''),
  )
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

/** An index entry is bounded, and a client's text is not. */
function indexedText(sql: string): string {
  return `left(${sql}, 200)`
}

function soughtTextSql(
  column: OwnColumn,
  condition: { operator: TextOperator; value: string },
  bind: Bind,
): string {
  const exact = textSql(column.sql, condition, bind)
  if (column.kind !== 'text' || condition.operator !== '=') return exact
  const { implies } = column
  if (implies !== undefined && Object.hasOwn(implies, condition.value)) {
    return `${implies[condition.value]} and ${exact}`
  }
  if (!column.isIndexed) return exact
  return `${indexedText(column.sql)} = ${indexedText(textOf(condition.value, bind))} and ${exact}`
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
    case 'starts with':
      return `starts_with(${sql}, ${text})`
    case 'ends with':
      return `right(${sql}, length(${text})) = ${text}`
    case 'matches':
      return `strpos(lower(${sql}), lower(${text})) > 0`
    case 'does not contain':
      throw new TypeError('a denial is the complement of what it denies')
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

function optionsSql(column: OwnColumn, values: string[], bind: Bind): string {
  if (column.kind === 'list') return listSql(column.sql, 'any of', values, bind)
  const among =
    column.kind === 'id'
      ? `any (${bind(values.map((value) => resolveId(column.of, value).id))}::uuid[])`
      : `any (${bind(values)}::text[])`
  return `${column.sql} = ${among}`
}

function listSql(
  sql: string,
  operator: OptionOperator | 'all of',
  values: string[],
  bind: Bind,
): string {
  const list = `${bind(values)}::text[]`
  // Of no options, any is none and all are there.
  return operator === 'all of' ? `coalesce(${sql}, '{}') @> ${list}` : `${sql} && ${list}`
}

/** A member of a map, by its key or by its path; an inner map or list as its text. */
function memberSql(sql: string, key: string, bind: Bind): string {
  const name = textOf(key, bind)
  // A path of one step is the key; the map may have to be looked up.
  if (!key.includes('.')) return `(${sql} ->> ${name})`
  return `coalesce(${sql} ->> ${name}, ${sql} #>> string_to_array(${name}, '.'))`
}
