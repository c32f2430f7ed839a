import fc from 'fast-check'
import {
  operatorsOfType,
  runAttributes,
  type AttributeType,
  type FilterCondition,
  type FilterScalar,
  type RunAttribute,
  type RunFilter,
} from '../../src/domain/run-filter.ts'

/** Where the scalars of a tree come from. */
export interface FilterPools {
  ids: fc.Arbitrary<string>
  times: fc.Arbitrary<string>
  texts: fc.Arbitrary<string>
  numbers: fc.Arbitrary<number>
  /** JSON objects as text. */
  objects: fc.Arbitrary<string>
}

/** Any tree that a parser may make. */
export function arbitraryRunFilter(pools: FilterPools): fc.Arbitrary<RunFilter> {
  const attributes = Object.keys(runAttributes) as RunAttribute[]
  const condition = fc
    .constantFrom(...attributes)
    .chain((attribute) => conditionOn(attribute, pools))
  // A pair is common in real filters and rare among random ones.
  const families = attributes.filter((attribute) => 'family' in runAttributes[attribute])
  const related = fc.constantFrom(...families).chain((attribute) => conditionOn(attribute, pools))
  return fc.letrec<{ tree: RunFilter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      condition,
      related,
      fc.record({ kind: fc.constant('search' as const), text: pools.texts }),
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

function conditionOn(attribute: RunAttribute, pools: FilterPools): fc.Arbitrary<FilterCondition> {
  const { type } = runAttributes[attribute]
  return fc.constantFrom(...operatorsOfType[type]).chain((operator) =>
    valueFor(type, operator, pools).map((value) => ({
      kind: 'condition' as const,
      attribute,
      operator,
      value,
    })),
  )
}

function valueFor(
  type: AttributeType,
  operator: FilterCondition['operator'],
  pools: FilterPools,
): fc.Arbitrary<FilterCondition['value']> {
  if (operator === 'in' || operator === 'nin')
    return fc.array(scalarOf(type, pools), { maxLength: 3 })
  if (operator === 'like') {
    return fc
      .array(fc.oneof(pools.texts, fc.constantFrom('%', '_')), { maxLength: 3 })
      .map((parts) => parts.join('').replaceAll('\\', '\\\\'))
  }
  if (operator === 'contains' || operator === 'search') return pools.texts
  if (type === 'map') return operator === 'has' ? pools.objects : pools.texts
  if (type === 'flag' || type === 'failure') return fc.boolean()
  if (type === 'tags') return pools.texts
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
