import { z } from 'zod'
import type { FilterOperator } from '../../domain/filter.ts'
import { lenientDate, text } from './requests.ts'

/**
 * The operators of each type of condition, with those of the domain's filter that they stand for. `does not contain` is
 * translated to a denial.
 */
export const textOperators = {
  '=': 'eq',
  contains: 'contains',
  'does not contain': 'contains',
  'starts with': 'starts_with',
  'ends with': 'ends_with',
  matches: 'tokens',
} as const
export const orderOperators = { '>': 'gt', '<': 'lt', '>=': 'gte', '<=': 'lte' } as const
export const numberOperators = { '=': 'eq', ...orderOperators } as const
export const optionOperators = { 'any of': 'in', 'none of': 'nin' } as const
export const listOperators = { ...optionOperators, 'all of': 'all' } as const
export const flagOperators = { '=': 'eq', '<>': 'neq' } as const
export const nullOperators = { 'is null': 'eq', 'is not null': 'neq' } as const

/** Accepts any one of the names of these operators. */
function oneOf<Name extends string>(operators: Readonly<Record<Name, FilterOperator>>) {
  return z.enum(Object.keys(operators) as [Name, ...Name[]])
}

const column = z.string()
const key = text
const options = z.array(text)

/** One condition of a `filter` (contracts/langfuse.md 2.17). */
export const condition = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('datetime'),
    column,
    operator: oneOf(orderOperators),
    value: lenientDate,
  }),
  z.object({ type: z.literal('string'), column, operator: oneOf(textOperators), value: text }),
  z.object({
    type: z.literal('number'),
    column,
    operator: oneOf(numberOperators),
    value: z.number(),
  }),
  z.object({
    type: z.literal('stringOptions'),
    column,
    operator: oneOf(optionOperators),
    value: options.min(1),
  }),
  z.object({
    type: z.literal('arrayOptions'),
    column,
    operator: oneOf(listOperators),
    value: options,
  }),
  z.object({
    type: z.literal('categoryOptions'),
    column,
    key,
    operator: oneOf(optionOperators),
    value: options,
  }),
  z.object({
    type: z.literal('stringObject'),
    column,
    key,
    operator: oneOf(textOperators),
    value: text,
  }),
  z.object({
    type: z.literal('numberObject'),
    column,
    key,
    operator: oneOf(numberOperators),
    value: z.number(),
  }),
  z.object({
    type: z.literal('booleanObject'),
    column,
    key,
    operator: oneOf(flagOperators),
    value: z.boolean(),
  }),
  z.object({
    type: z.literal('boolean'),
    column,
    operator: oneOf(flagOperators),
    value: z.boolean(),
  }),
  z.object({
    type: z.literal('null'),
    column,
    operator: oneOf(nullOperators),
    value: z.literal('').nullish(),
  }),
])

export type LangfuseCondition = z.output<typeof condition>
