import { z } from 'zod'
import {
  filterTypesOf,
  type FilterColumns,
  type LangfuseCondition,
} from '../../store/read/filter/langfuse-filter-sql.ts'
import { invalidRequest } from './errors.ts'
import { lenientDate, text } from './requests.ts'

const textOperators = [
  '=',
  'contains',
  'does not contain',
  'starts with',
  'ends with',
  'matches',
] as const
const numberOperators = ['=', '>', '<', '>=', '<='] as const
const optionOperators = ['any of', 'none of'] as const
const flagOperators = ['=', '<>'] as const

const column = z.string()
const key = text
const options = z.array(text)

const condition = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('datetime'),
    column,
    operator: z.enum(['>', '<', '>=', '<=']),
    value: lenientDate,
  }),
  z.object({ type: z.literal('string'), column, operator: z.enum(textOperators), value: text }),
  z.object({
    type: z.literal('number'),
    column,
    operator: z.enum(numberOperators),
    value: z.number(),
  }),
  z.object({
    type: z.literal('stringOptions'),
    column,
    operator: z.enum(optionOperators),
    value: options.min(1),
  }),
  z.object({
    type: z.literal('arrayOptions'),
    column,
    operator: z.enum([...optionOperators, 'all of']),
    value: options,
  }),
  z.object({
    type: z.literal('categoryOptions'),
    column,
    key,
    operator: z.enum(optionOperators),
    value: options,
  }),
  z.object({
    type: z.literal('stringObject'),
    column,
    key,
    operator: z.enum(textOperators),
    value: text,
  }),
  z.object({
    type: z.literal('numberObject'),
    column,
    key,
    operator: z.enum(numberOperators),
    value: z.number(),
  }),
  z.object({
    type: z.literal('booleanObject'),
    column,
    key,
    operator: z.enum(flagOperators),
    value: z.boolean(),
  }),
  z.object({
    type: z.literal('boolean'),
    column,
    operator: z.enum(flagOperators),
    value: z.boolean(),
  }),
  z.object({
    type: z.literal('null'),
    column,
    operator: z.enum(['is null', 'is not null']),
    value: z.literal('').nullish(),
  }),
])

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
  const types = filterTypesOf(columns, name)
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
