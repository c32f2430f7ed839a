import { z } from 'zod'
import { resolveId } from '../../domain/ids.ts'
import {
  maxPatternLength,
  type Filter,
  type FilterOperator,
  type FilterValue,
} from '../../domain/filter.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { invalidRequest } from './errors.ts'
import {
  attributeOf,
  columnIdOf,
  conditionTypesOf,
  type FilterColumn,
  type FilterColumns,
} from './filter-columns.ts'
import {
  condition,
  flagOperators,
  listOperators,
  nullOperators,
  numberOperators,
  optionOperators,
  orderOperators,
  textOperators,
  type LangfuseCondition,
} from './filter-condition.ts'

/** More conditions than anyone writes, and fewer than the number of parameters that a statement can have. */
const maxConditions = 100

/**
 * Query: `filter`, a JSON list of conditions that must all hold (contracts/langfuse.md 2.17). An absent or empty filter
 * has none.
 * @param columns the columns that conditions may be on
 * @throws LangfuseError 400 when it is not JSON, or has a condition on a column that does not exist or has another type
 */
export function filterOver(columns: FilterColumns) {
  return z
    .string()
    .optional()
    .transform((sent) => parse(sent ?? '[]'))
    .pipe(z.array(condition).max(maxConditions))
    .transform((conditions): LangfuseCondition[] =>
      conditions.map((one) => {
        const known = { ...one, column: checkedColumn(columns, one) }
        checkPattern(columns, known)
        return known
      }),
    )
}

function parse(sent: string): unknown {
  try {
    return JSON.parse(sent)
  } catch {
    throw invalidRequest('Invalid JSON in filter parameter')
  }
}

/** @returns the id of the column */
function checkedColumn(columns: FilterColumns, { column: name, type }: LangfuseCondition): string {
  const id = columnIdOf(columns, name)
  if (id === null) throw invalidRequest(`Invalid filter column: ${name}`)
  const types = conditionTypesOf(columns[id]!)
  if (types.includes(type)) return id
  throw invalidRequest(
    `Invalid filter type for column ${name}: ${type}, expected one of ${types.join(', ')}`,
  )
}

/** Text that is looked for in others has a limit, and `matches` has rules of its own. */
function checkPattern(columns: FilterColumns, asked: LangfuseCondition): void {
  if (asked.type !== 'string' && asked.type !== 'stringObject') return
  if (asked.operator === '=') return
  if (asked.operator === 'matches') {
    if (!/[\p{L}\p{N}]/u.test(asked.value)) {
      throw invalidRequest('`matches` requires at least one search token.')
    }
    // Only lists that can be filtered by inputs can be searched at all.
    const isSearched =
      Object.hasOwn(columns, 'input') && ['input', 'output', 'metadata'].includes(asked.column)
    if (!isSearched) {
      throw invalidRequest('`matches` is only supported for input, output, and metadata filters.')
    }
  }
  if (asked.value.length <= maxPatternLength) return
  throw invalidRequest(
    `Invalid filter value for column ${asked.column}: '${asked.operator}' takes at most ${maxPatternLength} characters`,
  )
}

/**
 * Joins the filter with the simple parameters. Where both are about the same, under whatever column, the filter takes
 * precedence.
 */
export function mergeFilter(
  columns: FilterColumns,
  simple: readonly LangfuseCondition[],
  filter: readonly LangfuseCondition[],
): LangfuseCondition[] {
  const of = ({ column }: LangfuseCondition) => attributeOf(columns[column]!)
  const replaced = new Set(filter.map(of))
  return [...simple.filter((one) => !replaced.has(of(one))), ...filter]
}

/** Turns a simple parameter into a condition. An absent or empty parameter adds none. */
export function equals(name: string, value: string | undefined): LangfuseCondition[] {
  return value ? [{ type: 'string', column: name, operator: '=', value }] : []
}

export function anyOf(name: string, value: string[] | undefined): LangfuseCondition[] {
  if (value === undefined || value.length === 0) return []
  return [{ type: 'stringOptions', column: name, operator: 'any of', value }]
}

/** Turns a period into conditions: from the start, inclusive, to the end, exclusive. */
export function within(
  name: string,
  from: string | undefined,
  to: string | undefined,
): LangfuseCondition[] {
  const conditions: LangfuseCondition[] = []
  if (from) conditions.push({ type: 'datetime', column: name, operator: '>=', value: from })
  if (to) conditions.push({ type: 'datetime', column: name, operator: '<', value: to })
  return conditions
}

/**
 * Translates conditions into filters that must all hold.
 * @param conditions on these columns, each of a type that its column allows
 */
export function filtersOf(
  columns: FilterColumns,
  conditions: readonly LangfuseCondition[],
): Filter[] {
  return conditions.map((one) => translate(columns[one.column]!, one))
}

function translate(of: FilterColumn, asked: LangfuseCondition): Filter {
  const attribute = attributeOf(of)
  const is = (operator: FilterOperator, value: FilterValue): Filter => {
    const key = 'key' in asked ? { key: asked.key } : {}
    return { kind: 'condition', attribute, ...key, operator, value }
  }
  const idOf = (value: string) =>
    typeof of === 'object' && 'of' in of ? resolveId(of.of, value).id : value
  switch (asked.type) {
    case 'datetime':
      return is(...byMillisecond(orderOperators[asked.operator], asked.value))
    case 'string':
    case 'stringObject': {
      // An id is compared by what it resolves to; other operators look at the client's spelling.
      const value = asked.operator === '=' ? idOf(asked.value) : asked.value
      const affirmed = is(textOperators[asked.operator], value)
      return asked.operator === 'does not contain' ? { kind: 'not', term: affirmed } : affirmed
    }
    case 'number':
    case 'numberObject':
      return is(numberOperators[asked.operator], asked.value)
    case 'stringOptions':
      if (attribute === 'scores') {
        const some: Filter = { kind: 'or', terms: asked.value.flatMap(labelledScores) }
        return asked.operator === 'any of' ? some : { kind: 'not', term: some }
      }
      return is(optionOperators[asked.operator], asked.value.map(idOf))
    case 'arrayOptions':
    case 'categoryOptions':
      return is(listOperators[asked.operator], asked.value)
    case 'booleanObject': {
      const value = attribute === 'scores' ? asked.value : String(asked.value)
      return is(flagOperators[asked.operator], value)
    }
    case 'boolean':
      return is(flagOperators[asked.operator], asked.value)
    case 'null':
      return is(nullOperators[asked.operator], null)
  }
}

/**
 * The scores that are written `name:label`. Both may contain colons, so each colon may be the one between them.
 * @returns at least one condition; without a colon it is one that nothing meets
 */
function labelledScores(written: string): Filter[] {
  const parts = written.split(':')
  const scored = (key: string, value: string[]): Filter => {
    return { kind: 'condition', attribute: 'scores', key, operator: 'in', value }
  }
  if (parts.length === 1) return [scored(written, [])]
  return parts
    .slice(1)
    .map((_, i) => scored(parts.slice(0, i + 1).join(':'), [parts.slice(i + 1).join(':')]))
}

/** Clients see times in milliseconds, so a stored time counts as the millisecond that it is in. */
function byMillisecond(
  operator: (typeof orderOperators)[keyof typeof orderOperators],
  time: Timestamp,
): [operator: FilterOperator, time: Timestamp] {
  if (operator === 'lt' || operator === 'gte') return [operator, time]
  const next = fromEpochMs(toEpochMs(time) + 1) ?? time
  return [operator === 'gt' ? 'gte' : 'lt', next]
}
