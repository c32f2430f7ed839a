import type { Timestamp } from './timestamp.ts'

/** JSON as text, exactly as the client sent it (architecture.md 4.4: numbers, key order and `\u0000` survive). */
export type JsonText = string

/** A decimal number as text, so that costs are exact (`"0.000001"`). */
export type Decimal = string

export type RunType =
  | 'chain'
  | 'llm'
  | 'tool'
  | 'retriever'
  | 'embedding'
  | 'prompt'
  | 'parser'
  | 'agent'
  | 'evaluator'
  | 'guardrail'
  | 'event'
  | 'span'

export type Level = 'DEBUG' | 'DEFAULT' | 'WARNING' | 'ERROR'

/*
 * The four data-plane entities. In the patch of an event every property is optional and nullable: an absent property
 * says nothing about the column, null clears it. A property in camelCase is the column of that name in snake_case.
 */

/** One step of an application (LangSmith run, Langfuse observation, OpenTelemetry span). */
export interface Run {
  traceId: string
  externalTraceId: string | null
  experimentId: string
  parentRunId: string
  externalParentRunId: string | null
  name: string
  runType: RunType
  startTime: Timestamp
  endTime: Timestamp
  inputs: JsonText
  /** Made of `inputs` where an event does not give it (fold.ts). */
  inputsPreview: string | null
  outputs: JsonText
  outputsPreview: string | null
  /** A JSON value. Anything but null, "" and false makes the run's status `error`. */
  error: JsonText
  events: JsonText
  serialized: JsonText
  tags: string[]
  /** `YYYYMMDDTHHMMSSffffffZ<uuid>` segments joined by dots (contracts/langsmith.md 3.1). */
  dottedOrder: string
  referenceExampleId: string
  metadata: JsonMap
  runtime: JsonMap
  extra: JsonMap
  level: Level
  statusMessage: string
  version: string
  model: string
  modelParameters: JsonText
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  /** LangSmith: token and cost details, `{prompt_token_details, …}`. Langfuse: `{"usage_details": {…}}`. */
  usageDetails: JsonText | null
  /** Langfuse: `{"input": 0.1, …}`, numbers as they were sent. */
  costDetails: JsonText | null
  firstTokenTime: Timestamp
  threadId: string
  userId: string
  promptName: string
  promptVersion: number | null
  environment: string
  createdAt: Timestamp
  updatedAt: Timestamp
  /** Name to `{"blob_id","mime_type","size"}`. */
  attachments: JsonMap
  /**
   * True where the application begins, although the run may have a parent: that parent belongs to another program.
   */
  isAppRoot: boolean
}

/** What a client says about a whole trace. Roll-ups are computed from the runs, never sent. */
export interface Trace {
  timestamp: Timestamp
  experimentId: string
  name: string
  userId: string
  threadId: string
  release: string
  version: string
  isPublic: boolean
  environment: string
  tags: string[]
  metadata: JsonMap
  inputs: JsonText
  /** Made of `inputs` where an event does not give it (fold.ts). */
  inputsPreview: string | null
  outputs: JsonText
  outputsPreview: string | null
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** One example executed in one experiment. Its id is derived from the link itself, so the link never changes. */
export interface RunItem {
  experimentId: string
  datasetId: string
  exampleId: string
  traceId: string
  externalTraceId: string | null
  /** The linked run (Langfuse observation); null when the whole trace is linked. */
  runId: string | null
  externalRunId: string | null
  /** `valid_from` of the example version that was executed; null when unknown. */
  exampleVersion: Timestamp
  createdAt: Timestamp
  /** The client's spelling of the example's id, for an example that is in no dataset. */
  externalExampleId: string | null
  /** What a trace says about the example. Readers prefer the dataset's example, where there is one. */
  exampleOutputs: JsonText
  exampleMetadata: JsonText
}

/** A score, label or comment on a run, a trace, a thread or an experiment. */
export interface Feedback {
  runId: string
  externalRunId: string | null
  traceId: string
  externalTraceId: string | null
  /** The experiment of the run, or of session-level feedback. */
  experimentId: string
  externalExperimentId: string | null
  threadId: string
  key: string
  /** As given: a JSON number or boolean. */
  score: JsonText | null
  /** The score as statistics count it: true is 1, false is 0. */
  scoreNumber: number | null
  /** As given: any JSON. */
  value: JsonText | null
  /** The value when it is a string: the label that statistics count. */
  valueText: string | null
  /** NUMERIC, BOOLEAN, CATEGORICAL, TEXT or CORRECTION; null when the dialect has no types. */
  dataType: string
  comment: string
  correction: JsonText
  /** api, app, model, auto_eval, annotation. */
  sourceType: string
  source: JsonText
  configId: string
  queueId: string
  environment: string
  metadata: JsonMap
  extra: JsonText
  comparativeExperimentId: string
  feedbackGroupId: string
  runStartTime: Timestamp
  timestamp: Timestamp
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** Key to JSON text. Maps are merged key by key. */
export type JsonMap = Record<string, JsonText>

export interface Entities {
  run: Run
  trace: Trace
  run_item: RunItem
  feedback: Feedback
}

export type EntityKind = keyof Entities

/**
 * How the values that several events give to one field are merged (SPEC I4).
 * newest: the value with the newest version. first: the value with the oldest. union: all elements. map: the newest
 * value of each key.
 */
export type MergeRule = 'newest' | 'first' | 'union' | 'map'

/** One or several columns that are set together and share one bit and one clock slot. */
export interface Field {
  rule: MergeRule
  /** Property name to Postgres type. */
  columns: Readonly<Record<string, string>>
}

/** A field whose `columns` can name only properties that the entity has. */
type FieldOf<E> = { rule: MergeRule; columns: Readonly<{ [P in keyof E]?: string }> }

/**
 * The fields of each entity. A field's position in its list is its bit and its clock slot in every stored row: APPEND
 * ONLY. The upserts are generated from these lists, and the in-memory fold (fold.ts) follows them too.
 */
const run: FieldOf<Run>[] = [
  { rule: 'first', columns: { traceId: 'uuid', externalTraceId: 'text' } },
  { rule: 'first', columns: { experimentId: 'uuid' } },
  { rule: 'newest', columns: { parentRunId: 'uuid', externalParentRunId: 'text' } },
  { rule: 'newest', columns: { name: 'text' } },
  { rule: 'newest', columns: { runType: 'text' } },
  { rule: 'first', columns: { startTime: 'timestamptz' } },
  { rule: 'newest', columns: { endTime: 'timestamptz' } },
  { rule: 'newest', columns: { inputs: 'json', inputsPreview: 'text' } },
  { rule: 'newest', columns: { outputs: 'json', outputsPreview: 'text' } },
  { rule: 'newest', columns: { error: 'json' } },
  { rule: 'newest', columns: { events: 'json' } },
  { rule: 'newest', columns: { serialized: 'json' } },
  { rule: 'newest', columns: { tags: 'text[]' } },
  { rule: 'newest', columns: { dottedOrder: 'text' } },
  { rule: 'newest', columns: { referenceExampleId: 'uuid' } },
  { rule: 'map', columns: { metadata: 'jsonb' } },
  { rule: 'map', columns: { runtime: 'json' } },
  { rule: 'map', columns: { extra: 'json' } },
  { rule: 'newest', columns: { level: 'text' } },
  { rule: 'newest', columns: { statusMessage: 'text' } },
  { rule: 'newest', columns: { version: 'text' } },
  { rule: 'newest', columns: { model: 'text' } },
  { rule: 'newest', columns: { modelParameters: 'json' } },
  {
    rule: 'newest',
    columns: {
      promptTokens: 'bigint',
      completionTokens: 'bigint',
      totalTokens: 'bigint',
      usageDetails: 'json',
    },
  },
  { rule: 'newest', columns: { firstTokenTime: 'timestamptz' } },
  { rule: 'newest', columns: { threadId: 'text' } },
  { rule: 'newest', columns: { userId: 'text' } },
  { rule: 'newest', columns: { promptName: 'text', promptVersion: 'integer' } },
  { rule: 'first', columns: { environment: 'text' } },
  { rule: 'first', columns: { createdAt: 'timestamptz' } },
  { rule: 'newest', columns: { updatedAt: 'timestamptz' } },
  { rule: 'map', columns: { attachments: 'json' } },
  {
    rule: 'newest',
    columns: {
      promptCost: 'numeric',
      completionCost: 'numeric',
      totalCost: 'numeric',
      costDetails: 'json',
    },
  },
  { rule: 'newest', columns: { isAppRoot: 'boolean' } },
]

const trace: FieldOf<Trace>[] = [
  { rule: 'first', columns: { timestamp: 'timestamptz' } },
  { rule: 'first', columns: { experimentId: 'uuid' } },
  { rule: 'newest', columns: { name: 'text' } },
  { rule: 'newest', columns: { userId: 'text' } },
  { rule: 'newest', columns: { threadId: 'text' } },
  { rule: 'newest', columns: { release: 'text' } },
  { rule: 'newest', columns: { version: 'text' } },
  { rule: 'newest', columns: { isPublic: 'boolean' } },
  { rule: 'first', columns: { environment: 'text' } },
  { rule: 'union', columns: { tags: 'text[]' } },
  { rule: 'map', columns: { metadata: 'jsonb' } },
  { rule: 'newest', columns: { inputs: 'json', inputsPreview: 'text' } },
  { rule: 'newest', columns: { outputs: 'json', outputsPreview: 'text' } },
  { rule: 'first', columns: { createdAt: 'timestamptz' } },
  { rule: 'newest', columns: { updatedAt: 'timestamptz' } },
]

const runItem: FieldOf<RunItem>[] = [
  {
    rule: 'first',
    columns: {
      experimentId: 'uuid',
      datasetId: 'uuid',
      exampleId: 'uuid',
      traceId: 'uuid',
      externalTraceId: 'text',
      runId: 'uuid',
      externalRunId: 'text',
    },
  },
  { rule: 'first', columns: { exampleVersion: 'timestamptz' } },
  { rule: 'first', columns: { createdAt: 'timestamptz' } },
  { rule: 'first', columns: { externalExampleId: 'text' } },
  { rule: 'first', columns: { exampleOutputs: 'json' } },
  { rule: 'first', columns: { exampleMetadata: 'json' } },
]

const feedback: FieldOf<Feedback>[] = [
  { rule: 'newest', columns: { runId: 'uuid', externalRunId: 'text' } },
  { rule: 'first', columns: { traceId: 'uuid', externalTraceId: 'text' } },
  { rule: 'newest', columns: { experimentId: 'uuid', externalExperimentId: 'text' } },
  { rule: 'newest', columns: { threadId: 'text' } },
  { rule: 'newest', columns: { key: 'text' } },
  { rule: 'newest', columns: { score: 'json', scoreNumber: 'double precision' } },
  { rule: 'newest', columns: { value: 'json', valueText: 'text' } },
  { rule: 'newest', columns: { dataType: 'text' } },
  { rule: 'newest', columns: { comment: 'text' } },
  { rule: 'newest', columns: { correction: 'json' } },
  { rule: 'newest', columns: { sourceType: 'text', source: 'json' } },
  { rule: 'newest', columns: { configId: 'text' } },
  { rule: 'newest', columns: { queueId: 'text' } },
  { rule: 'first', columns: { environment: 'text' } },
  { rule: 'map', columns: { metadata: 'jsonb' } },
  { rule: 'newest', columns: { extra: 'json' } },
  { rule: 'newest', columns: { comparativeExperimentId: 'uuid' } },
  { rule: 'newest', columns: { feedbackGroupId: 'uuid' } },
  { rule: 'newest', columns: { runStartTime: 'timestamptz' } },
  { rule: 'first', columns: { timestamp: 'timestamptz' } },
  { rule: 'first', columns: { createdAt: 'timestamptz' } },
  { rule: 'newest', columns: { updatedAt: 'timestamptz' } },
]

export const entityFields: Readonly<Record<EntityKind, readonly Field[]>> = {
  run,
  trace,
  run_item: runItem,
  feedback,
}
