/*
 * A filter on the rows of a list, independent of how any dialect spells it. One kind of tree serves every list: runs,
 * traces, observations, scores, examples, experiments and their items. Each list knows some of the attributes. A
 * dialect only makes trees whose values follow the rules below, so that nothing in a tree can make a statement fail.
 */

/**
 * Kind of an attribute: which operators fit it and what their value is.
 *
 * | type    | operators                                            | value |
 * |---------|------------------------------------------------------|-------|
 * | id      | eq neq in nin, matching over the client's spelling   | canonical UUID, null; string for matching |
 * | text    | eq neq in nin, matching                              | string, null |
 * | time    | eq neq gt gte lt lte                                 | Timestamp, null |
 * | number  | eq neq gt gte lt lte in nin                          | finite number, null |
 * | scalar  | those of text and number                             | string or finite number, null |
 * | flag    | eq neq                                               | boolean, null |
 * | failure | eq neq, matching over the error's text               | boolean, string |
 * | body    | matching                                             | string |
 * | tags    | has, in, nin (any of), all, eq neq                   | string, list of strings, null |
 * | map     | has (contains this JSON object), exists (this key), eq neq | JSON text fit for `jsonb`, string, null |
 * | map     | with a `key`: those of scalar, over that entry       | as scalar; a flag is the text `true` or `false` |
 * | scores  | with a `key`: eq gt gte lt lte (average of the numbers), in nin (a label), eq neq (a flag) | finite number, list of strings, boolean |
 *
 * Matching: like contains search tokens starts_with ends_with. null is allowed with eq and neq only. A list is allowed
 * with in, nin and all only, and contains no null.
 */
export type AttributeType = (typeof filterAttributes)[Attribute]['type']

/**
 * Attributes whose conditions inside one `and` are about the same feedback row, or about the same entry of the
 * metadata, inputs or outputs. Inputs and outputs also have the entries of inner objects: `a.b` is the entry b of a,
 * down to 16 levels.
 */
export type AttributeFamily = 'feedback' | 'metadata' | 'input' | 'output'

/** The attributes of a run. Tokens and costs of a root run are those of its whole trace. Latencies are in seconds. */
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

/** What other lists can be filtered by, in addition to attributes that they share with runs. */
const otherAttributes = {
  run_id: { type: 'id' },
  timestamp: { type: 'time' },
  user_id: { type: 'text' },
  environment: { type: 'text' },
  version: { type: 'text' },
  release: { type: 'text' },
  level: { type: 'text' },
  status_message: { type: 'text' },
  observation_type: { type: 'text' },
  model: { type: 'text' },
  model_id: { type: 'text' },
  prompt_name: { type: 'text' },
  prompt_version: { type: 'number' },
  tokens_per_second: { type: 'number' },
  input_text: { type: 'text' },
  output_text: { type: 'text' },
  is_public: { type: 'flag' },
  is_bookmarked: { type: 'flag' },
  error_count: { type: 'number' },
  warning_count: { type: 'number' },
  default_count: { type: 'number' },
  debug_count: { type: 'number' },
  trace_name: { type: 'text' },
  trace_environment: { type: 'text' },
  trace_tags: { type: 'tags' },
  experiment_name: { type: 'text' },
  /** The numbers, labels and flags that a row was scored with. A condition's `key` is the name of the score. */
  scores: { type: 'scores' },
  score: { type: 'number' },
  score_flag: { type: 'flag' },
  score_text: { type: 'text' },
  data_type: { type: 'text' },
  source: { type: 'text' },
  comment: { type: 'text' },
  author_id: { type: 'text' },
} as const satisfies Record<string, { type: string }>

export const filterAttributes = { ...runAttributes, ...otherAttributes } as const

export type Attribute = keyof typeof filterAttributes

/** What examples can be filtered by (contracts/langsmith.md 4.4). */
export const exampleAttributes = [
  'metadata',
  'metadata_key',
  'metadata_value',
] as const satisfies RunAttribute[]

/** What experiments can be filtered by. The score of a feedback key is its average over the experiment. */
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
 * like: SQL's pattern, with `%`, `_` and the escape character `\`, case-sensitive. contains, starts_with and ends_with
 * are case-sensitive; search is contains in upper or lower case. tokens: contains, and every run of letters and digits in
 * the value is a whole one in the text; in upper or lower case, but for an entry of a map. all: every one of these tags.
 */
export type FilterOperator =
  | 'eq'
  | 'neq'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'in'
  | 'nin'
  | 'like'
  | 'contains'
  | 'search'
  | 'tokens'
  | 'starts_with'
  | 'ends_with'
  | 'has'
  | 'all'
  | 'exists'

/**
 * Limits on matching, in characters, because its cost can be the product of both lengths. Dialects refuse a longer pattern.
 * Of a longer text only the beginning is searched, or the end for ends_with.
 */
export const maxPatternLength = 500
export const searchedLength = 262_144

export type FilterScalar = string | number | boolean
export type FilterValue = FilterScalar | null | readonly FilterScalar[]

/** Compares one attribute with one value. */
export interface FilterCondition {
  kind: 'condition'
  attribute: Attribute
  /**
   * For a map: the key of the entry or, if there is no such key, its dotted path. For scores: the name of the score.
   */
  key?: string
  operator: FilterOperator
  value: FilterValue
}

export type Filter =
  | { kind: 'and' | 'or'; terms: readonly Filter[] }
  | { kind: 'not'; term: Filter }
  /** A substring, in upper or lower case, of name, inputs, outputs or error. */
  | { kind: 'search'; text: string }
  | FilterCondition

/** Returns the family of a condition's attribute; null when conditions on it are independent of each other. */
export function familyOf(condition: FilterCondition): AttributeFamily | null {
  const attribute: { type: string; family?: AttributeFamily } =
    filterAttributes[condition.attribute]
  return attribute.family ?? null
}

/** Returns whether any condition of the tree, at any depth, passes the test. */
export function hasCondition(
  filter: Filter,
  isSuch: (condition: FilterCondition) => boolean,
): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.some((term) => hasCondition(term, isSuch))
    case 'not':
      return hasCondition(filter.term, isSuch)
    case 'search':
      return false
    case 'condition':
      return isSuch(filter)
  }
}

/**
 * Gathers the conditions that stand directly in one `and` by family: those of one family are about the same row. Nested
 * `and`s are groups of their own (contracts/langsmith.md 4.3).
 */
export function pairConditions(terms: readonly Filter[]): {
  pairs: Map<AttributeFamily, FilterCondition[]>
  others: Filter[]
} {
  const pairs = new Map<AttributeFamily, FilterCondition[]>()
  const others: Filter[] = []
  for (const term of terms) {
    const family = term.kind === 'condition' ? familyOf(term) : null
    if (term.kind !== 'condition' || family === null) others.push(term)
    else pairs.set(family, [...(pairs.get(family) ?? []), term])
  }
  return { pairs, others }
}

/**
 * True for a condition that, unless it is paired with a positive one, means "there is no row like this":
 * `neq(metadata_key, "k")` means that there is no such key at all. `neq(…, null)` means "is set", which is positive.
 */
export function deniesRows(condition: FilterCondition): boolean {
  return condition.operator === 'nin' || (condition.operator === 'neq' && condition.value !== null)
}
