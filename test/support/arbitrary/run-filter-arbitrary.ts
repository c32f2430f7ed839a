import fc from 'fast-check'
import {
  runAttributes,
  type AttributeType,
  type FilterCondition,
  type FilterOperator,
  type FilterScalar,
  type RunAttribute,
  type Filter,
} from '../../../src/domain/filter.ts'
import { operatorsOfType } from '../../../src/http/filter/filter-operators.ts'

type Operators = Readonly<Record<AttributeType, readonly FilterOperator[]>>

/** All that a tree over runs may hold: what LangSmith's language says, and what other dialects say beside it. */
const treeOperators: Operators = {
  ...operatorsOfType,
  text: [...operatorsOfType.text, 'starts_with', 'ends_with'],
  scalar: [...operatorsOfType.scalar, 'starts_with', 'ends_with'],
  tags: [...operatorsOfType.tags, 'all', 'eq', 'neq'],
  map: [...operatorsOfType.map, 'eq', 'neq'],
}

/** Where the values in a tree come from. */
export interface FilterPools {
  ids: fc.Arbitrary<string>
  times: fc.Arbitrary<string>
  texts: fc.Arbitrary<string>
  numbers: fc.Arbitrary<number>
  /** JSON objects, as text. */
  objects: fc.Arbitrary<string>
}

/** Any tree over runs that LangSmith's parser may make. */
export function arbitraryLangsmithFilter(pools: FilterPools): fc.Arbitrary<Filter> {
  return arbitraryTree((attribute) => conditionOn(attribute, operatorsOfType, pools), pools.texts)
}

/** Any tree over runs. */
export function arbitraryRunFilter(pools: FilterPools): fc.Arbitrary<Filter> {
  return arbitraryTree((attribute) => {
    const onAttribute = conditionOn(attribute, treeOperators, pools)
    return attribute === 'metadata' ? fc.oneof(onAttribute, conditionOnEntry(pools)) : onAttribute
  }, pools.texts)
}

function arbitraryTree(
  conditionOn: (attribute: RunAttribute) => fc.Arbitrary<FilterCondition>,
  texts: fc.Arbitrary<string>,
): fc.Arbitrary<Filter> {
  const attributes = Object.keys(runAttributes) as RunAttribute[]
  const condition = fc.constantFrom(...attributes).chain(conditionOn)
  // Paired conditions are common in real filters and would be rare among random ones.
  const families = attributes.filter((attribute) => 'family' in runAttributes[attribute])
  const related = fc.constantFrom(...families).chain(conditionOn)
  return fc.letrec<{ tree: Filter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      condition,
      related,
      fc.record({ kind: fc.constant('search' as const), text: texts }),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        terms: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
      }),
      fc.record({
        kind: fc.constant('and' as const),
        terms: fc.array(related, { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), term: tie('tree') }),
    ),
  })).tree
}

function conditionOn(
  attribute: RunAttribute,
  operators: Operators,
  pools: FilterPools,
): fc.Arbitrary<FilterCondition> {
  const { type } = runAttributes[attribute]
  return fc.constantFrom(...operators[type]).chain((operator) =>
    valueFor(type, operator, pools).map((value) => ({
      kind: 'condition' as const,
      attribute,
      operator,
      value,
    })),
  )
}

/** On one entry of the metadata. */
function conditionOnEntry(pools: FilterPools): fc.Arbitrary<FilterCondition> {
  const entry = conditionOn('metadata_value', treeOperators, pools)
  return fc
    .tuple(entry, pools.texts)
    .map(([condition, key]) => ({ ...condition, attribute: 'metadata' as const, key }))
}

function valueFor(
  type: AttributeType,
  operator: FilterCondition['operator'],
  pools: FilterPools,
): fc.Arbitrary<FilterCondition['value']> {
  if (operator === 'in' || operator === 'nin' || operator === 'all')
    return fc.array(scalarOf(type, pools), { maxLength: 3 })
  if (operator === 'like') {
    return fc
      .array(fc.oneof(pools.texts, fc.constantFrom('%', '_')), { maxLength: 3 })
      .map((parts) => parts.join('').replaceAll('\\', '\\\\'))
  }
  if (['contains', 'search', 'starts_with', 'ends_with', 'exists'].includes(operator)) {
    return pools.texts
  }
  if (operator === 'has') return type === 'map' ? pools.objects : pools.texts
  if (type === 'map' || type === 'tags') return fc.constant(null)
  if (type === 'flag' || type === 'failure') return fc.boolean()
  if (operator !== 'eq' && operator !== 'neq') {
    return type === 'time' ? pools.times : pools.numbers
  }
  return fc.option(scalarOf(type, pools), { freq: 5 })
}

function scalarOf(type: AttributeType, pools: FilterPools): fc.Arbitrary<FilterScalar> {
  if (type === 'id') return pools.ids
  if (type === 'time') return pools.times
  if (type === 'number') return pools.numbers
  if (type === 'scalar') return fc.oneof(pools.texts, pools.numbers)
  return pools.texts
}
