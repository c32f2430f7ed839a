/*
 * What a filter over runs says, free of any dialect's spelling. The same tree serves examples and experiments, which
 * know fewer attributes. A dialect's parser makes only trees that hold what is said here of values, so that
 * nothing in a tree can make a statement fail.
 */

/**
 * Kind of an attribute: which operators fit it and what their value is.
 *
 * | type    | operators                                          | value |
 * |---------|----------------------------------------------------|-------|
 * | id      | eq neq in nin                                      | canonical UUID, null |
 * | text    | eq neq in nin like contains search                 | string, null |
 * | time    | eq neq gt gte lt lte                               | Timestamp, null |
 * | number  | eq neq gt gte lt lte in nin                        | finite number, null |
 * | scalar  | those of text and number                           | string or finite number, null |
 * | flag    | eq neq                                             | boolean |
 * | failure | eq neq, like contains search over the error's text | boolean, string |
 * | body    | like contains search                               | string |
 * | tags    | has, in nin (any of)                               | string |
 * | map     | has (contains this JSON object), exists (this key) | JSON text fit for `jsonb`, string |
 *
 * null goes with eq and neq only. A list stands with in and nin only, and holds no null.
 */
export type AttributeType = (typeof runAttributes)[RunAttribute]['type']

/**
 * Attributes whose conditions inside one `and` speak of the same feedback row, or the same entry of the metadata,
 * inputs or outputs. Entries of inputs and outputs are those of inner objects too: `a.b` is the b of a, down to
 * 16 levels.
 */
export type AttributeFamily = 'feedback' | 'metadata' | 'input' | 'output'

/** The attributes of a run. A root run's tokens and costs are those of its whole trace. Latencies are in seconds. */
export const runAttributes = {
  id: { type: 'id' },
  trace_id: { type: 'id' },
  parent_run_id: { type: 'id' },
  experiment_id: { type: 'id' },
  reference_example_id: { type: 'id' },
  reference_dataset_id: { type: 'id' },
  name: { type: 'text' },
  run_type: { type: 'text' },
  status: { type: 'text' },
  thread_id: { type: 'text' },
  start_time: { type: 'time' },
  end_time: { type: 'time' },
  first_token_time: { type: 'time' },
  latency: { type: 'number' },
  first_token_latency: { type: 'number' },
  prompt_tokens: { type: 'number' },
  completion_tokens: { type: 'number' },
  total_tokens: { type: 'number' },
  prompt_cost: { type: 'number' },
  completion_cost: { type: 'number' },
  total_cost: { type: 'number' },
  is_root: { type: 'flag' },
  error: { type: 'failure' },
  inputs: { type: 'body' },
  outputs: { type: 'body' },
  tags: { type: 'tags' },
  metadata: { type: 'map' },
  metadata_key: { type: 'text', family: 'metadata' },
  metadata_value: { type: 'scalar', family: 'metadata' },
  input_key: { type: 'text', family: 'input' },
  input_value: { type: 'scalar', family: 'input' },
  output_key: { type: 'text', family: 'output' },
  output_value: { type: 'scalar', family: 'output' },
  feedback_key: { type: 'text', family: 'feedback' },
  feedback_score: { type: 'number', family: 'feedback' },
  feedback_value: { type: 'scalar', family: 'feedback' },
  feedback_comment: { type: 'text', family: 'feedback' },
  feedback_source: { type: 'text', family: 'feedback' },
} as const satisfies Record<string, { type: string; family?: AttributeFamily }>

export type RunAttribute = keyof typeof runAttributes

/** What an example can be filtered by (contracts/langsmith.md 4.4). */
export const exampleAttributes = [
  'metadata',
  'metadata_key',
  'metadata_value',
] as const satisfies RunAttribute[]

/** What an experiment can be filtered by; the score of a feedback key is the average over the experiment. */
export const experimentAttributes = [
  'id',
  'reference_dataset_id',
  'name',
  'start_time',
  'end_time',
  'metadata',
  'metadata_key',
  'metadata_value',
  'feedback_key',
  'feedback_score',
] as const satisfies RunAttribute[]

/**
 * like: SQL's pattern, `%` and `_` with `\` as escape, case-sensitive. contains: substring, case-sensitive.
 * search: substring in any case.
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
] as const

export type FilterOperator = (typeof filterOperators)[number]

const equality = ['eq', 'neq'] as const
const membership = ['in', 'nin'] as const
const order = ['gt', 'gte', 'lt', 'lte'] as const
const matching = ['like', 'contains', 'search'] as const

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
}

export type FilterScalar = string | number | boolean
export type FilterValue = FilterScalar | null | readonly FilterScalar[]

/** One attribute compared with one value. */
export interface FilterCondition {
  kind: 'condition'
  attribute: RunAttribute
  operator: FilterOperator
  value: FilterValue
}

export type RunFilter =
  | { kind: 'and' | 'or'; terms: readonly RunFilter[] }
  | { kind: 'not'; term: RunFilter }
  /** Substring, in any case, of name, inputs, outputs or error. */
  | { kind: 'search'; text: string }
  | FilterCondition

/** The family of a condition's attribute; null when its conditions stand each for itself. */
export function familyOf(condition: FilterCondition): AttributeFamily | null {
  const attribute: { type: string; family?: AttributeFamily } = runAttributes[condition.attribute]
  return attribute.family ?? null
}

/** True when some condition, however deep, is on an attribute of the family. */
export function mentionsFamily(filter: RunFilter, family: AttributeFamily): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.some((term) => mentionsFamily(term, family))
    case 'not':
      return mentionsFamily(filter.term, family)
    case 'search':
      return false
    case 'condition':
      return familyOf(filter) === family
  }
}

/**
 * The conditions that stand directly in one `and`, those of one family gathered: they speak of one row together.
 * Nested `and`s are groups of their own (contracts/langsmith.md 4.3).
 */
export function pairConditions(terms: readonly RunFilter[]): {
  pairs: Map<AttributeFamily, FilterCondition[]>
  others: RunFilter[]
} {
  const pairs = new Map<AttributeFamily, FilterCondition[]>()
  const others: RunFilter[] = []
  for (const term of terms) {
    const family = term.kind === 'condition' ? familyOf(term) : null
    if (term.kind !== 'condition' || family === null) others.push(term)
    else pairs.set(family, [...(pairs.get(family) ?? []), term])
  }
  return { pairs, others }
}

/**
 * True for a condition that, where it has no positive partner, means "no row like this": `neq(metadata_key, "k")` is
 * no such key at all. `neq(…, null)` is "is set", which is positive.
 */
export function deniesRows(condition: FilterCondition): boolean {
  return condition.operator === 'nin' || (condition.operator === 'neq' && condition.value !== null)
}

/**
 * The tree as text: prefix calls, double-quoted strings with JSON's escapes.
 * @param spell the dialect's name of an attribute
 */
export function printRunFilter(
  filter: RunFilter,
  spell: (attribute: RunAttribute) => string = (attribute) => attribute,
): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `${filter.kind}(${filter.terms.map((term) => printRunFilter(term, spell)).join(', ')})`
    case 'not':
      return `not(${printRunFilter(filter.term, spell)})`
    case 'search':
      return `search(${JSON.stringify(filter.text)})`
    case 'condition':
      return `${filter.operator}(${spell(filter.attribute)}, ${JSON.stringify(filter.value)})`
  }
}
