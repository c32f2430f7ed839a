import sql, { raw, type Sql } from 'sql-template-tag'
import {
  searchedLength,
  type AttributeType,
  type FilterCondition,
  type FilterOperator,
  type FilterScalar,
} from '../../../domain/filter.ts'

/** The SQL of an attribute, on the aliases of the statement that the condition goes into. */
export interface ColumnSql {
  /** For a body or a failure: the `json` column itself. For an id: the UUID. */
  sql: Sql
  /** For an id: how clients spell it, which is what patterns are matched with. */
  spelling?: Sql
  /** For an id that clients may know as another one: the stored ids that these are, as an array. */
  storedIds?: (ids: readonly string[]) => Sql
  /** For a body: its preview, which patterns are matched with too. */
  preview?: Sql
  /** For a failure: the status of its row. */
  status?: Sql
  /** For a text: set when an index holds its first 200 characters. */
  isIndexed?: true
  /** For a text: by value, a condition that holds in every row with that value, and that an index can answer. */
  implies?: Readonly<Record<string, Sql>>
}

const comparators = { gt: raw('>'), gte: raw('>='), lt: raw('<'), lte: raw('<=') } as const

/**
 * One condition on one column. Its result may be null, which counts as false. `neq` and `nin` are the exact complements
 * of `eq` and `in`. Every value is bound as a text or as one array: a filter may name more values than a statement can
 * have parameters, and the driver converts other types by its own rules (a time would lose its microseconds).
 */
export function conditionSql(
  type: AttributeType,
  column: ColumnSql,
  condition: FilterCondition,
): Sql {
  const { operator, value, key } = condition
  const left = column.sql
  if (key !== undefined) {
    const { key: _, ...onEntry } = condition
    return conditionSql('scalar', { sql: entrySql(left, key) }, onEntry)
  }
  switch (operator) {
    case 'eq':
      return value === null ? sql`(${left}) is null` : equalsSql(type, column, value)
    case 'neq':
      return value === null
        ? sql`(${left}) is not null`
        : complementSql(equalsSql(type, column, value))
    case 'in':
      return amongSql(type, column, value as readonly FilterScalar[])
    case 'nin':
      return complementSql(amongSql(type, column, value as readonly FilterScalar[]))
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      const number = type === 'scalar' ? numberInText(left) : left
      return sql`${number} ${comparators[operator]} ${scalarSql(type, value as FilterScalar)}`
    }
    case 'like':
    case 'contains':
    case 'search':
    case 'tokens':
    case 'starts_with':
    case 'ends_with':
      return matchingSql(type, column, operator, value as string)
    case 'has':
      return type === 'tags'
        ? sql`${left} @> array[${value}::text]`
        : sql`${left} @> ${value}::text::jsonb`
    case 'all':
      // An empty list of tags is contained in every row, even in one whose tags are null.
      return sql`coalesce(${left}, '{}') @> ${value}::text[]`
    case 'exists':
      return sql`${left} ? ${value}::text`
  }
}

/** A condition that is true where the given one is false or null. */
export function complementSql(condition: Sql): Sql {
  return sql`(${condition}) is not true`
}

function equalsSql(type: AttributeType, column: ColumnSql, value: FilterCondition['value']): Sql {
  const { sql: left, status, implies, isIndexed } = column
  if (column.storedIds !== undefined) return amongSql(type, column, [value as string])
  if (type === 'flag') return value === true ? sql`(${left})` : sql`not (${left})`
  if (type === 'failure') return sql`${status} ${raw(value === true ? '=' : '<>')} 'error'`
  const right = scalarSql(type, value as FilterScalar)
  if (type === 'scalar' && typeof value === 'number') return sql`${numberInText(left)} = ${right}`
  const exact = sql`${left} = ${right}`
  if (implies !== undefined && Object.hasOwn(implies, String(value))) {
    return sql`${implies[String(value)]} and ${exact}`
  }
  if (isIndexed !== true) return exact
  // The size of an index entry is limited, and that of a client's text is not. For a short value one condition is enough,
  // and the planner knows how many rows meet it; of two it would expect far fewer.
  const isShort = String(value).length < 200
  return isShort
    ? sql`left(${left}, 200) = ${right}`
    : sql`left(${left}, 200) = left(${right}, 200) and ${exact}`
}

function amongSql(
  type: AttributeType,
  { sql: left, storedIds }: ColumnSql,
  values: readonly FilterScalar[],
): Sql {
  if (storedIds !== undefined) return sql`${left} = any(${storedIds(values.map(String))})`
  if (type === 'tags') return sql`${left} && ${values}::text[]`
  if (type !== 'scalar') return sql`${left} = any(${values.map(String)}::${raw(castOf[type])}[])`
  const texts = values.filter((value) => typeof value === 'string')
  const numbers = values.filter((value) => typeof value === 'number')
  const isText = sql`${left} = any(${texts}::text[])`
  if (numbers.length === 0) return isText
  return sql`${isText} or ${numberInText(left)} = any(${numbers.map(String)}::numeric[])`
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
  scores: 'text',
} as const satisfies Record<AttributeType, string>

function scalarSql(type: AttributeType, value: FilterScalar): Sql {
  const cast = typeof value === 'number' ? 'numeric' : castOf[type]
  return sql`${String(value)}::text${raw(cast === 'text' ? '' : `::${cast}`)}`
}

/**
 * The number that a text spells in JSON's form; null for any other text. The length is limited so that no cast can
 * overflow.
 */
function numberInText(text: Sql): Sql {
  return sql`case when ${text} ~ '^-?[0-9]{1,40}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})?$' then ${text}::numeric end`
}

/** An entry of a `jsonb` map, by its key or by its path. An inner map or list is returned as its text. */
function entrySql(map: Sql, key: string): Sql {
  // A path of one step is the key itself. Writing it this way avoids a second evaluation of `map`, which may be a
  // look-up.
  if (!key.includes('.')) return sql`(${map} ->> ${key}::text)`
  return sql`coalesce(${map} ->> ${key}::text, ${map} #>> string_to_array(${key}::text, '.'))`
}

type Matching = Extract<
  FilterOperator,
  'like' | 'contains' | 'search' | 'tokens' | 'starts_with' | 'ends_with'
>

function matchingSql(
  type: AttributeType,
  { sql: left, spelling, preview }: ColumnSql,
  operator: Matching,
  text: string,
): Sql {
  if (operator === 'tokens') return tokensSql(type, left, text)
  const how = operator === 'search' ? 'ilike' : 'like'
  const where = operator === 'ends_with' ? 'right' : 'left'
  const match = (searched: Sql, patterns: readonly string[]): Sql =>
    matchSql(searched, how, patterns, where)
  const { raw: plain, inJson } = patternsOf(operator, text)
  switch (type) {
    case 'failure':
      return match(sql`${left}::text`, inJson)
    case 'body':
      return sql`${match(preview!, plain)} or ${match(sql`${left}::text`, inJson)}`
    default:
      return match(spelling ?? left, plain)
  }
}

/**
 * The text contains the pattern, and the pattern's first and last token are whole ones somewhere in it. Those between
 * them are whole wherever the pattern is. In the text of a JSON document an escape such as `\n` ends a token.
 */
function tokensSql(type: AttributeType, left: Sql, text: string): Sql {
  const isJson = type !== 'scalar'
  const { raw: plain, inJson } = containsPatterns(text)
  const contains = matchSql(left, isJson ? 'ilike' : 'like', isJson ? inJson : plain)
  const tokens = text.match(/[\p{L}\p{N}]+/gu) ?? []
  const searched = sql`left(${left}, ${raw(String(searchedLength))})`
  const before = isJson ? '(^|[^[:alnum:]]|\\\\[bfnrt])' : '(^|[^[:alnum:]])'
  const whole = [...new Set([tokens.at(0), tokens.at(-1)])].flatMap((token) =>
    token === undefined ? [] : `${before}(${spellings(token, isJson)})([^[:alnum:]]|$)`,
  )
  const operator = raw(isJson ? '~*' : '~')
  return whole.reduce(
    (all, pattern) => sql`${all} and ${searched} ${operator} ${pattern}::text`,
    contains,
  )
}

/** A token has no character that means something in a regular expression. In JSON it may be escaped. */
function spellings(token: string, isJson: boolean): string {
  if (!isJson) return token
  const ascii = asciiOf(token)
  return ascii === token ? token : `${token}|${ascii.replaceAll('\\', '\\\\')}`
}

/** LIKE patterns, for plain text and for the text of a JSON document. */
interface Patterns {
  raw: readonly string[]
  inJson: readonly string[]
}

function patternsOf(operator: Exclude<Matching, 'tokens'>, text: string): Patterns {
  switch (operator) {
    case 'like':
      return { raw: [text], inJson: [text] }
    case 'contains':
    case 'search':
      return containsPatterns(text)
    case 'starts_with':
      return { raw: [`${literal(text)}%`], inJson: [] }
    case 'ends_with':
      return { raw: [`%${literal(text)}`], inJson: [] }
  }
}

/**
 * Returns the patterns for "contains this text". JSON columns are searched as text, in which the same words may be
 * escaped by the client's serialiser: quotes and line ends always, and everything beyond ASCII by Python's default.
 */
export function containsPatterns(text: string): Patterns {
  const escaped = JSON.stringify(text).slice(1, -1)
  const forms = new Set([text, escaped, asciiOf(escaped)])
  return { raw: [containing(text)], inJson: [...forms].map(containing) }
}

/** Escapes what is beyond ASCII, as in JSON. */
function asciiOf(text: string): string {
  return text.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function containing(text: string): string {
  return `%${literal(text)}%`
}

/** Escapes the text into a pattern that matches only that text. */
function literal(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/**
 * The condition that a text matches one of the patterns, which are bound as one array. Only `searchedLength` characters of
 * the text are searched: a pattern of 1,000 characters on three bodies of 8 MB took over 40 s.
 * @param where the end of the text from which that many characters are taken
 */
export function matchSql(
  text: Sql,
  operator: 'like' | 'ilike',
  patterns: readonly string[],
  where: 'left' | 'right' = 'left',
): Sql {
  return sql`${raw(where)}(${text}, ${raw(String(searchedLength))}) ${raw(operator)} any(${patterns}::text[])`
}
