import type { Sql } from 'sql-template-tag'
import { fromText } from '../bridge.ts'
import type { AttributeType, FilterCondition, FilterScalar } from '../../../domain/run-filter.ts'

/** Takes a text parameter, gives back its placeholder. */
export type Bind = (value: string) => string

const comparators = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/**
 * One condition on one column; its result may be null, which counts as no. `neq` and `nin` are the exact
 * complements of `eq` and `in`.
 * @param column SQL of the column; for a body or failure the `json` column itself
 */
export function conditionSql(
  type: AttributeType,
  column: string,
  condition: FilterCondition,
  bind: Bind,
): string {
  const { operator, value } = condition
  switch (operator) {
    case 'neq':
      return `(${equalsSql(type, column, value as FilterScalar | null, bind)}) is not true`
    case 'eq':
      return equalsSql(type, column, value as FilterScalar | null, bind)
    case 'in':
      return memberSql(type, column, value as readonly FilterScalar[], bind)
    case 'nin':
      return `(${memberSql(type, column, value as readonly FilterScalar[], bind)}) is not true`
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      const right = scalarSql(type, value as FilterScalar, bind)
      const left = type === 'scalar' ? numberInText(column) : column
      return `${left} ${comparators[operator]} ${right}`
    }
    case 'like':
      return textSql(
        type,
        column,
        'like',
        { raw: [value as string], inJson: [value as string] },
        bind,
      )
    case 'contains':
      return textSql(type, column, 'like', containsPatterns(value as string), bind)
    case 'search':
      return textSql(type, column, 'ilike', containsPatterns(value as string), bind)
    case 'has':
      return type === 'tags'
        ? `${column} @> array[${bind(value as string)}::text]`
        : `${column} @> ${bind(value as string)}::text::jsonb`
    case 'exists':
      return `${column} ? ${bind(value as string)}::text`
  }
}

function equalsSql(
  type: AttributeType,
  column: string,
  value: FilterScalar | null,
  bind: Bind,
): string {
  if (value === null) return `${column} is null`
  if (type === 'flag') return value === true ? column : `not ${column}`
  if (type === 'failure')
    return `${siblingOf(column, 'status')} ${value === true ? '=' : '<>'} 'error'`
  const left = type === 'scalar' && typeof value === 'number' ? numberInText(column) : column
  return `${left} = ${scalarSql(type, value, bind)}`
}

function memberSql(
  type: AttributeType,
  column: string,
  values: readonly FilterScalar[],
  bind: Bind,
): string {
  // Lists are bound as one array literal: a filter may name more values than a statement has parameters.
  const list = (items: readonly FilterScalar[]) => `${bind(arrayLiteral(items))}::text`
  if (type === 'tags') return `${column} && ${list(values)}::text[]`
  if (type !== 'scalar') return `${column} = any(${list(values)}::${castOf[type]}[])`
  const numbers = values.filter((value) => typeof value === 'number')
  const texts = values.filter((value) => typeof value === 'string')
  return `${column} = any(${list(texts)}::text[]) or ${numberInText(column)} = any(${list(numbers)}::numeric[])`
}

const castOf = {
  id: 'uuid',
  text: 'text',
  time: 'timestamptz',
  number: 'numeric',
  scalar: 'text',
  flag: 'boolean',
  failure: 'boolean',
  body: 'text',
  tags: 'text',
  map: 'text',
} as const satisfies Record<AttributeType, string>

function scalarSql(type: AttributeType, value: FilterScalar, bind: Bind): string {
  const cast = typeof value === 'number' ? 'numeric' : castOf[type]
  // Bound as text: drivers write other types by rules of their own (a time would lose its microseconds).
  return `${bind(String(value))}::text${cast === 'text' ? '' : `::${cast}`}`
}

/** The number that a text spells as JSON does; null for any other text. Bounded, so that no cast can overflow. */
export function numberInText(column: string): string {
  return `case when ${column} ~ '^-?[0-9]{1,40}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})?$' then ${column}::numeric end`
}

/** LIKE patterns, for plain text and for the text of a JSON document. */
interface Patterns {
  raw: readonly string[]
  inJson: readonly string[]
}

/**
 * Patterns for "contains this". JSON columns are searched as text, where the same words may stand escaped, by the
 * client's serialiser: quotes and line ends always, everything beyond ASCII by Python's default.
 */
export function containsPatterns(text: string): Patterns {
  const escaped = JSON.stringify(text).slice(1, -1)
  const ascii = escaped.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const forms = new Set([text, escaped, ascii])
  return { raw: [containing(text)], inJson: [...forms].map(containing) }
}

function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`
}

export function matchSql(
  column: string,
  operator: 'like' | 'ilike',
  patterns: readonly string[],
): Sql {
  return fromText((bind) => matchText(column, operator, patterns, bind))
}

export function matchText(
  column: string,
  operator: 'like' | 'ilike',
  patterns: readonly string[],
  bind: Bind,
): string {
  return `${column} ${operator} any(${bind(arrayLiteral(patterns))}::text::text[])`
}

function textSql(
  type: AttributeType,
  column: string,
  operator: 'like' | 'ilike',
  { raw, inJson }: Patterns,
  bind: Bind,
): string {
  if (type === 'failure') return matchText(`${column}::text`, operator, inJson, bind)
  if (type !== 'body') return matchText(column, operator, raw, bind)
  const preview = matchText(siblingOf(column, 'preview'), operator, raw, bind)
  return `${preview} or ${matchText(`${column}::text`, operator, inJson, bind)}`
}

/** `r.inputs` to `r.inputs_preview`, `r.error` to `r.status`. */
function siblingOf(column: string, sibling: 'preview' | 'status'): string {
  if (sibling === 'preview') return `${column}_preview`
  return `${column.slice(0, column.lastIndexOf('.'))}.status`
}

/** The text form of a Postgres array. */
function arrayLiteral(values: readonly FilterScalar[]): string {
  const elements = values.map((value) => `"${String(value).replace(/["\\]/g, '\\$&')}"`)
  return `{${elements.join(',')}}`
}
