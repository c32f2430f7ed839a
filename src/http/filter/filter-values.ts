import { isUuid } from '../../domain/ids.ts'
import { isTooDeep, jsonbText } from '../../domain/json.ts'
import {
  maxPatternLength,
  type AttributeType,
  type FilterOperator,
  type FilterScalar,
  type FilterValue,
} from '../../domain/filter.ts'
import { parseTimestamp } from '../../domain/timestamp.ts'
import { FilterSyntaxError, type Token } from './filter-tokens.ts'

export type Literal =
  | Extract<Token, { kind: 'string' | 'number' }>
  | { kind: 'boolean'; value: boolean; position: number }
  | { kind: 'null'; position: number }
  | { kind: 'list'; items: readonly Literal[]; position: number }

/**
 * Turns a literal into the value that the domain's filter requires for this type and operator (domain/filter.ts), so
 * that no value can make the database refuse a statement.
 * @throws FilterSyntaxError
 */
export function filterValue(
  type: AttributeType,
  operator: FilterOperator,
  literal: Literal,
): FilterValue {
  if (operator === 'in' || operator === 'nin') {
    if (literal.kind !== 'list') throw expected('a list such as ["a", "b"]', literal)
    return literal.items.map((item) => scalar(type, item))
  }
  if (operator === 'like') return likePattern(literal)
  if (operator === 'contains' || operator === 'search') return searched(literal)
  if (type === 'map') return operator === 'has' ? jsonObject(literal) : string(literal)
  if (
    literal.kind === 'null' &&
    (operator === 'eq' || operator === 'neq') &&
    type !== 'flag' &&
    type !== 'failure'
  ) {
    return null
  }
  if (type === 'scalar' && operator !== 'eq' && operator !== 'neq') return number(literal)
  return scalar(type, literal)
}

function scalar(type: AttributeType, literal: Literal): FilterScalar {
  switch (type) {
    case 'id':
      return id(literal)
    case 'time':
      return time(literal)
    case 'number':
      return number(literal)
    case 'flag':
    case 'failure':
      return flag(literal)
    case 'scalar':
      if (literal.kind === 'number') return literal.value
      // Values of metadata and feedback are compared as text, and this is how a boolean is written there.
      return literal.kind === 'boolean' ? String(literal.value) : string(literal)
    default:
      return string(literal)
  }
}

function string(literal: Literal): string {
  if (literal.kind !== 'string') throw expected('a string', literal)
  if (literal.text.includes('\0')) {
    throw new FilterSyntaxError('a string with a NUL character', literal.position)
  }
  return literal.text
}

function number(literal: Literal): number {
  if (literal.kind !== 'number') throw expected('a number', literal)
  return literal.value
}

function flag(literal: Literal): boolean {
  if (literal.kind === 'boolean') return literal.value
  // The vendor's own examples write "true" (contracts/langsmith.md 4.2).
  const word = literal.kind === 'string' ? literal.text.toLowerCase() : ''
  if (word !== 'true' && word !== 'false') throw expected('true or false', literal)
  return word === 'true'
}

function id(literal: Literal): string {
  const text = string(literal).toLowerCase()
  if (!isUuid(text)) throw expected('a UUID', literal)
  return text
}

function time(literal: Literal): string {
  const timestamp = parseTimestamp(string(literal))
  if (timestamp === null) throw expected('an ISO 8601 time', literal)
  return timestamp
}

/** What is looked for in texts of any length (contracts/langsmith.md 4.2). */
function searched(literal: Literal): string {
  const text = string(literal)
  if (text.length <= maxPatternLength) return text
  throw new FilterSyntaxError(
    `what is searched for has at most ${maxPatternLength} characters`,
    literal.position,
  )
}

/** Postgres refuses a pattern that ends in its escape character. */
function likePattern(literal: Literal): string {
  const pattern = searched(literal)
  if (/^(?:[^\\]|\\[^])*$/.test(pattern)) return pattern
  throw new FilterSyntaxError('a pattern that ends in a single backslash', literal.position)
}

/** Matches the JSON numbers that `numeric` might not be able to hold. */
const hugeExponent = /[eE][+-]?\d{4,}/
const jsonStrings = /"(?:[^"\\]|\\.)*"/g

function jsonObject(literal: Literal): string {
  if (literal.kind !== 'string') throw expected('JSON in a string, such as \'{"k": "v"}\'', literal)
  for (const text of [literal.verbatim, literal.text]) {
    if (text === null || isTooDeep(text) || !isJsonObject(text)) continue
    if (hugeExponent.test(text.replace(jsonStrings, '""'))) {
      throw new FilterSyntaxError('a number out of range', literal.position)
    }
    return jsonbText(text.trim().toWellFormed())
  }
  throw expected('a JSON object in a string, such as \'{"k": "v"}\'', literal)
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value)
  } catch {
    return false
  }
}

function expected(what: string, literal: Literal): FilterSyntaxError {
  return new FilterSyntaxError(`expected ${what}, found ${describe(literal)}`, literal.position)
}

function describe(literal: Literal): string {
  switch (literal.kind) {
    case 'string':
      return JSON.stringify(literal.text)
    case 'null':
      return 'null'
    case 'list':
      return 'a list'
    default:
      return String(literal.value)
  }
}
