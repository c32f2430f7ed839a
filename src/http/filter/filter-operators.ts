import type { AttributeType, FilterOperator } from '../../domain/filter.ts'

/**
 * The operators of LangSmith's language, in the order in which error messages list them (contracts/langsmith.md 4.1).
 */
export const filterOperators = [
  'eq',
  'neq',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'nin',
  'like',
  'contains',
  'search',
  'has',
  'exists',
] as const satisfies FilterOperator[]

const equality = ['eq', 'neq'] as const
const membership = ['in', 'nin'] as const
const order = ['gt', 'gte', 'lt', 'lte'] as const
const matching = ['like', 'contains', 'search'] as const

/** The operators that LangSmith's language allows for each type of attribute. The domain's filter allows more. */
export const operatorsOfType: Readonly<Record<AttributeType, readonly FilterOperator[]>> = {
  id: [...equality, ...membership],
  text: [...equality, ...membership, ...matching],
  time: [...equality, ...order],
  number: [...equality, ...order, ...membership],
  scalar: [...equality, ...order, ...membership, ...matching],
  flag: equality,
  failure: [...equality, ...matching],
  body: matching,
  tags: ['has', ...membership],
  map: ['has', 'exists'],
  scores: [],
}
