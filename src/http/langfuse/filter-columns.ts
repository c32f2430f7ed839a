import type { IdKind } from '../../domain/ids.ts'
import { filterAttributes, type Attribute, type AttributeType } from '../../domain/filter.ts'
import type { LangfuseCondition } from './filter-condition.ts'

/**
 * What a column of a list's `filter` refers to: an attribute and, when that is an id, the kind of thing that the id
 * names.
 */
export type FilterColumn =
  | Attribute
  | { attribute: Attribute; of: IdKind }
  | { attribute: 'scores'; types: readonly ConditionType[] }

export type FilterColumns = Readonly<Record<string, FilterColumn>>

type ConditionType = LangfuseCondition['type']

const scoreColumns = {
  scores_avg: { attribute: 'scores', types: ['numberObject'] },
  score_categories: { attribute: 'scores', types: ['categoryOptions', 'stringOptions'] },
  score_booleans: { attribute: 'scores', types: ['booleanObject'] },
  // An old name for all three.
  scores: {
    attribute: 'scores',
    types: ['numberObject', 'categoryOptions', 'stringOptions', 'booleanObject'],
  },
} as const satisfies FilterColumns

const usageColumns = {
  latency: 'latency',
  inputTokens: 'prompt_tokens',
  outputTokens: 'completion_tokens',
  totalTokens: 'total_tokens',
  tokens: 'total_tokens',
  inputCost: 'prompt_cost',
  outputCost: 'completion_cost',
  totalCost: 'total_cost',
} as const satisfies FilterColumns

/** The columns by which `GET /traces` can filter (contracts/langfuse.md 2.17). */
export const traceFilterColumns: FilterColumns = {
  id: { attribute: 'id', of: 'trace' },
  traceId: { attribute: 'id', of: 'trace' },
  timestamp: 'timestamp',
  name: 'name',
  traceName: 'name',
  userId: 'user_id',
  sessionId: 'thread_id',
  environment: 'environment',
  version: 'version',
  release: 'release',
  tags: 'tags',
  traceTags: 'tags',
  metadata: 'metadata',
  bookmarked: 'is_bookmarked',
  public: 'is_public',
  level: 'level',
  errorCount: 'error_count',
  warningCount: 'warning_count',
  defaultCount: 'default_count',
  debugCount: 'debug_count',
  ...usageColumns,
  ...scoreColumns,
}

/** The columns by which both lists of observations can filter (contracts/langfuse.md 2.17). */
export const observationFilterColumns: FilterColumns = {
  id: { attribute: 'id', of: 'run' },
  traceId: { attribute: 'trace_id', of: 'trace' },
  parentObservationId: { attribute: 'parent_run_id', of: 'run' },
  isRootObservation: 'is_root',
  type: 'observation_type',
  name: 'name',
  level: 'level',
  statusMessage: 'status_message',
  environment: 'environment',
  version: 'version',
  startTime: 'start_time',
  endTime: 'end_time',
  userId: 'user_id',
  sessionId: 'thread_id',
  traceName: 'trace_name',
  traceEnvironment: 'trace_environment',
  traceTags: 'trace_tags',
  tags: 'trace_tags',
  timeToFirstToken: 'first_token_latency',
  tokensPerSecond: 'tokens_per_second',
  model: 'model',
  providedModelName: 'model',
  modelId: 'model_id',
  promptName: 'prompt_name',
  promptVersion: 'prompt_version',
  input: 'input_text',
  output: 'output_text',
  metadata: 'metadata',
  ...usageColumns,
  ...scoreColumns,
}

/** The columns by which the lists of scores can filter (contracts/langfuse.md 2.17). */
export const scoreFilterColumns: FilterColumns = {
  id: { attribute: 'id', of: 'feedback' },
  timestamp: 'timestamp',
  environment: 'environment',
  traceId: { attribute: 'trace_id', of: 'trace' },
  observationId: { attribute: 'run_id', of: 'run' },
  sessionId: 'thread_id',
  name: 'name',
  value: 'score',
  booleanValue: 'score_flag',
  stringValue: 'score_text',
  source: 'source',
  comment: 'comment',
  authorUserId: 'author_id',
  dataType: 'data_type',
  metadata: 'metadata',
  traceName: 'trace_name',
  userId: 'user_id',
  trace_tags: 'trace_tags',
}

/** The columns by which `GET /experiments` can filter (contracts/langfuse.md 2.11). */
export const experimentFilterColumns: FilterColumns = {
  id: { attribute: 'id', of: 'experiment' },
  name: 'name',
  datasetId: { attribute: 'reference_dataset_id', of: 'dataset' },
}

/** The columns by which `GET /experiment-items` can filter (contracts/langfuse.md 2.11). */
export const experimentItemFilterColumns: FilterColumns = {
  experimentId: { attribute: 'experiment_id', of: 'experiment' },
  experimentName: 'experiment_name',
  experimentItemId: { attribute: 'reference_example_id', of: 'example' },
  datasetId: { attribute: 'reference_dataset_id', of: 'dataset' },
}

/**
 * The types of conditions that are allowed on an attribute. On `body`, and on attributes that only LangSmith knows,
 * there are none.
 */
const conditionTypes: Partial<Record<AttributeType, readonly ConditionType[]>> = {
  text: ['string', 'stringOptions', 'null'],
  id: ['string', 'stringOptions', 'null'],
  number: ['number', 'null'],
  time: ['datetime', 'null'],
  flag: ['boolean', 'null'],
  tags: ['arrayOptions', 'stringOptions', 'null'],
  map: ['stringObject', 'numberObject', 'booleanObject', 'categoryOptions', 'null'],
}

/** Names on the vendor's pages that are not simply the id in words. */
const pageNames: Readonly<Record<string, string>> = {
  bookmarked: '⭐️',
  latency: 'Latency (s)',
  timeToFirstToken: 'Time To First Token (s)',
  tokensPerSecond: 'Tokens per second',
  inputCost: 'Input Cost ($)',
  outputCost: 'Output Cost ($)',
  totalCost: 'Total Cost ($)',
  errorCount: 'Error Level Count',
  warningCount: 'Warning Level Count',
  defaultCount: 'Default Level Count',
  debugCount: 'Debug Level Count',
  scores_avg: 'Scores (numeric)',
  score_categories: 'Scores (categorical)',
  score_booleans: 'Scores (boolean)',
  trace_tags: 'Trace Tags',
}

/** The name that a column has on the vendor's pages: `userId` is `User ID` there. */
function pageNameOf(id: string): string {
  const words = id.replace(/[A-Z]/g, ' $&').replace(/^./, (first) => first.toUpperCase())
  return pageNames[id] ?? words.replace(/\bId\b/g, 'ID')
}

/** Returns the id of the column that a client calls by its id or by its name on the vendor's pages. */
export function columnIdOf(columns: FilterColumns, sent: string): string | null {
  if (Object.hasOwn(columns, sent)) return sent
  return Object.keys(columns).find((id) => pageNameOf(id) === sent) ?? null
}

export function attributeOf(column: FilterColumn): Attribute {
  return typeof column === 'string' ? column : column.attribute
}

/** Returns the types of conditions that are allowed on a column. */
export function conditionTypesOf(column: FilterColumn): readonly ConditionType[] {
  if (typeof column === 'object' && 'types' in column) return column.types
  return conditionTypes[filterAttributes[attributeOf(column)].type] ?? []
}
