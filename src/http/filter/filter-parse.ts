import {
  exampleAttributes,
  experimentAttributes,
  runAttributes,
  type Attribute,
  type FilterCondition,
  type FilterOperator,
  type RunAttribute,
  type Filter,
} from '../../domain/filter.ts'
import { filterOperators, operatorsOfType } from './filter-operators.ts'
import { FilterSyntaxError, tokenizeFilter, type Token } from './filter-tokens.ts'
import { filterValue, type Literal } from './filter-values.ts'

export { FilterSyntaxError } from './filter-tokens.ts'

/** The greatest depth of calls inside calls. Real filters nest four deep. */
const maxDepth = 64

/** Where LangSmith's names of attributes differ from Runmill's. */
const dialectNames: ReadonlyMap<string, RunAttribute> = new Map([['session_id', 'experiment_id']])

const runAttributeNames = Object.keys(runAttributes) as RunAttribute[]

/**
 * Parses a filter of runs in LangSmith's language (contracts/langsmith.md 4).
 * @throws FilterSyntaxError
 */
export function parseRunFilter(text: string): Filter {
  return parse(text, runAttributeNames)
}

/**
 * Parses a filter of examples, which can use metadata only (contracts/langsmith.md 4.4).
 * @throws FilterSyntaxError
 */
export function parseExampleFilter(text: string): Filter {
  return parse(text, exampleAttributes)
}

/**
 * Parses a filter of sessions (contracts/langsmith.md 4.4). Of feedback it can use the key and the average score.
 * @throws FilterSyntaxError
 */
export function parseSessionFilter(text: string): Filter {
  return parse(text, experimentAttributes)
}

/**
 * Writes a tree in LangSmith's language: prefix calls, and double-quoted strings with JSON's escapes. A tree that was
 * parsed here parses back to an equal tree.
 */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `${filter.kind}(${filter.terms.map(printFilter).join(', ')})`
    case 'not':
      return `not(${printFilter(filter.term)})`
    case 'search':
      return `search(${JSON.stringify(filter.text)})`
    case 'condition':
      return `${filter.operator}(${dialectName(filter.attribute)}, ${JSON.stringify(filter.value)})`
  }
}

function dialectName(attribute: Attribute): string {
  for (const [name, own] of dialectNames) if (own === attribute) return name
  return attribute
}

interface Cursor {
  tokens: readonly Token[]
  next: number
  attributes: readonly RunAttribute[]
}

function parse(text: string, attributes: readonly RunAttribute[]): Filter {
  const cursor: Cursor = { tokens: tokenizeFilter(text), next: 0, attributes }
  const filter = parseCall(cursor, 1)
  const rest = take(cursor)
  if (rest.kind !== 'end') {
    throw new FilterSyntaxError('nothing may follow the expression', rest.position)
  }
  return filter
}

function parseCall(cursor: Cursor, depth: number): Filter {
  const head = take(cursor)
  if (head.kind !== 'word') {
    throw new FilterSyntaxError(
      `expected a call such as eq(status, "success"), found ${describe(head)}`,
      head.position,
    )
  }
  if (depth > maxDepth) {
    throw new FilterSyntaxError(`more than ${maxDepth} calls inside each other`, head.position)
  }
  const name = head.text.toLowerCase()
  if (name === 'and' || name === 'or') {
    expect(cursor, '(')
    const terms = [parseCall(cursor, depth + 1)]
    while (takeIf(cursor, ',')) terms.push(parseCall(cursor, depth + 1))
    expect(cursor, ')')
    return { kind: name, terms }
  }
  if (name === 'not') {
    expect(cursor, '(')
    const term = parseCall(cursor, depth + 1)
    expect(cursor, ')')
    return { kind: 'not', term }
  }
  const operator = filterOperators.find((known) => known === name)
  if (operator === undefined) {
    throw new FilterSyntaxError(
      `unknown operator ${JSON.stringify(head.text)}: expected and, or, not, ${filterOperators.join(', ')}`,
      head.position,
    )
  }
  return parseCondition(cursor, operator, head.position)
}

function parseCondition(cursor: Cursor, operator: FilterOperator, position: number): Filter {
  expect(cursor, '(')
  const attributeToken = take(cursor)
  if (operator === 'search' && attributeToken.kind === 'string' && takeIf(cursor, ')')) {
    if (cursor.attributes !== runAttributeNames) {
      throw new FilterSyntaxError('search("…") works on runs only', position)
    }
    return { kind: 'search', text: filterValue('text', operator, attributeToken) as string }
  }
  const attribute = attributeOf(attributeToken, cursor, operator, position)
  expect(cursor, ',')
  const literal = parseLiteral(cursor)
  expect(cursor, ')')
  return condition(attribute, operator, literal)
}

function attributeOf(
  token: Token,
  cursor: Cursor,
  operator: FilterOperator,
  operatorPosition: number,
): RunAttribute | 'execution_order' {
  if (token.kind !== 'word' && token.kind !== 'string') {
    throw new FilterSyntaxError(`expected an attribute, found ${describe(token)}`, token.position)
  }
  const ordinal = token.text === 'execution_order' && cursor.attributes === runAttributeNames
  const name = dialectNames.get(token.text) ?? token.text
  const attribute = ordinal ? 'execution_order' : cursor.attributes.find((known) => known === name)
  if (attribute === undefined) {
    throw new FilterSyntaxError(
      `unknown attribute ${JSON.stringify(token.text)}: expected one of ${cursor.attributes.map(dialectName).join(', ')}`,
      token.position,
    )
  }
  const fitting: readonly FilterOperator[] =
    attribute === 'execution_order'
      ? operatorsOfType.flag
      : operatorsOfType[runAttributes[attribute].type]
  if (!fitting.includes(operator)) {
    throw new FilterSyntaxError(
      `${operator} does not work on ${token.text}: use ${fitting.join(', ')}`,
      operatorPosition,
    )
  }
  return attribute
}

function parseLiteral(cursor: Cursor): Literal {
  const token = take(cursor)
  if (token.kind === 'string' || token.kind === 'number') return token
  if (token.kind === 'word') {
    const word = token.text.toLowerCase()
    if (word === 'true' || word === 'false') {
      return { kind: 'boolean', value: word === 'true', position: token.position }
    }
    if (word === 'null') return { kind: 'null', position: token.position }
  }
  if (token.kind === 'mark' && token.text === '[') {
    const items: Literal[] = []
    if (!takeIf(cursor, ']')) {
      do items.push(parseItem(cursor))
      while (takeIf(cursor, ','))
      expect(cursor, ']')
    }
    return { kind: 'list', items, position: token.position }
  }
  throw new FilterSyntaxError(`expected a value, found ${describe(token)}`, token.position)
}

function parseItem(cursor: Cursor): Literal {
  const token = cursor.tokens[cursor.next]
  if (token?.kind === 'mark' && token.text === '[') {
    throw new FilterSyntaxError('a list holds no lists', token.position)
  }
  return parseLiteral(cursor)
}

function condition(
  attribute: RunAttribute | 'execution_order',
  operator: FilterOperator,
  literal: Literal,
): FilterCondition {
  if (attribute === 'execution_order') {
    // Levels below the root are not told apart: by contracts/langsmith.md 3.7, any other number means "not the root".
    if (literal.kind === 'number' && literal.value === 1) {
      return { kind: 'condition', attribute: 'is_root', operator, value: true }
    }
    throw new FilterSyntaxError('execution_order compares with 1 only', literal.position)
  }
  const { type } = runAttributes[attribute]
  if (attribute === 'latency' || attribute === 'first_token_latency') {
    return {
      kind: 'condition',
      attribute,
      operator,
      value: filterValue(type, operator, inSeconds(literal)),
    }
  }
  if (attribute === 'feedback_score') {
    return {
      kind: 'condition',
      attribute,
      operator,
      value: filterValue(type, operator, asScore(literal)),
    }
  }
  if (type === 'failure' && literal.kind === 'null' && (operator === 'eq' || operator === 'neq')) {
    return { kind: 'condition', attribute, operator, value: false }
  }
  return { kind: 'condition', attribute, operator, value: filterValue(type, operator, literal) }
}

/** Reads a duration: `"5s"` is five seconds. */
function inSeconds(literal: Literal): Literal {
  if (literal.kind === 'list') return { ...literal, items: literal.items.map(inSeconds) }
  if (literal.kind !== 'string') return literal
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*s\s*$/.exec(literal.text)
  if (match === null) {
    throw new FilterSyntaxError(
      `expected seconds as a number or as "5s", found ${JSON.stringify(literal.text)}`,
      literal.position,
    )
  }
  return { kind: 'number', value: Number(match[1]), position: literal.position }
}

/** As scores, booleans are 1 and 0. */
function asScore(literal: Literal): Literal {
  if (literal.kind === 'list') return { ...literal, items: literal.items.map(asScore) }
  if (literal.kind !== 'boolean') return literal
  return { kind: 'number', value: literal.value ? 1 : 0, position: literal.position }
}

function take(cursor: Cursor): Token {
  const token = cursor.tokens[cursor.next]!
  if (token.kind !== 'end') cursor.next++
  return token
}

function takeIf(cursor: Cursor, mark: string): boolean {
  const token = cursor.tokens[cursor.next]
  if (token?.kind !== 'mark' || token.text !== mark) return false
  cursor.next++
  return true
}

function expect(cursor: Cursor, mark: string): void {
  const token = cursor.tokens[cursor.next]!
  if (!takeIf(cursor, mark)) {
    throw new FilterSyntaxError(`expected "${mark}", found ${describe(token)}`, token.position)
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end'
    case 'number':
      return `the number ${token.value}`
    case 'string':
      return `the string ${JSON.stringify(token.text)}`
    default:
      return JSON.stringify(token.text)
  }
}
