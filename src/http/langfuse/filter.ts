import { z } from 'zod'
import { resolveId } from '../../domain/ids.ts'
import type { FilterOperator, FilterValue, Filter } from '../../domain/filter.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { invalidRequest } from './errors.ts'
import {
  attributeOf,
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

/** More conditions than anyone writes, fewer than a statement has parameters. */
const maxConditions = 100

/**
 * Query: `filter`, the JSON of a list of conditions that must all hold (contracts/langfuse.md 2.17). Absent and empty: none.
 * @param columns what they may be about
 * @throws LangfuseError 400 when it is no JSON, or about a column that is not there or not of that type
 */
export function filterOver(columns: FilterColumns) {
  const conditions = z.array(condition).max(maxConditions)
  return z
    .string()
    .optional()
    .transform((sent, context): LangfuseCondition[] => {
      const { data, error } = conditions.safeParse(parse(sent || '[]'))
      if (data === undefined) {
        for (const { code, message, path } of error.issues) {
          context.addIssue({ code: 'custom', message, path, params: { code } })
        }
        return z.NEVER
      }
      for (const one of data) checkColumn(columns, one)
      return data
    })
}

function parse(sent: string): unknown {
  try {
    return JSON.parse(sent)
  } catch {
    throw invalidRequest('Invalid JSON in filter parameter')
  }
}

function checkColumn(columns: FilterColumns, { column: name, type }: LangfuseCondition): void {
  const types = conditionTypesOf(columns, name)
  if (types === null) throw invalidRequest(`Invalid filter column: ${name}`)
  if (types.includes(type)) return
  throw invalidRequest(
    `Invalid filter type for column ${name}: ${type}, expected one of ${types.join(', ')}`,
  )
}

/** What is asked for in all: on the same column the filter replaces the simple parameters. */
export function mergeFilter(
  simple: readonly LangfuseCondition[],
  filter: readonly LangfuseCondition[],
): LangfuseCondition[] {
  const replaced = new Set(filter.map(({ column: name }) => name))
  return [...simple.filter(({ column: name }) => !replaced.has(name)), ...filter]
}

/** A simple parameter as a condition; absent and empty ask for nothing. */
export function equals(name: string, value: string | undefined): LangfuseCondition[] {
  return value ? [{ type: 'string', column: name, operator: '=', value }] : []
}

export function anyOf(name: string, value: string[] | undefined): LangfuseCondition[] {
  if (value === undefined || value.length === 0) return []
  return [{ type: 'stringOptions', column: name, operator: 'any of', value }]
}

/** From the one on, up to before the other. */
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

/** The conditions as filters that must all hold. @param conditions on these columns, each of a type that suits its column */
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
      // An id is compared by what it resolves to; its spelling is looked into.
      const value = asked.operator === '=' ? idOf(asked.value) : asked.value
      const affirmed = is(textOperators[asked.operator], value)
      return asked.operator === 'does not contain' ? { kind: 'not', term: affirmed } : affirmed
    }
    case 'number':
    case 'numberObject':
      return is(numberOperators[asked.operator], asked.value)
    case 'stringOptions':
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

/** Clients see milliseconds: a time counts as the millisecond that it is in. */
function byMillisecond(
  operator: (typeof orderOperators)[keyof typeof orderOperators],
  time: Timestamp,
): [operator: FilterOperator, time: Timestamp] {
  if (operator === 'lt' || operator === 'gte') return [operator, time]
  const next = fromEpochMs(toEpochMs(time) + 1) ?? time
  return [operator === 'gt' ? 'gte' : 'lt', next]
}
