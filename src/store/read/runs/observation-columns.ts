import { observationTypes, runTypeOf } from '../../../domain/observation-types.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import type { FilterColumn, FilterColumns } from '../filter/langfuse-filter-sql.ts'
import { runLevelSql, traceFields } from '../traces/trace-columns.ts'

/*
 * A run as an observation, on alias `run`; the tenant is $1.
 */

function ofTrace(sql: string): string {
  return `(select ${sql} from traces as trace where trace.tenant_id = $1 and trace.id = run.trace_id)`
}

export const observationFields = {
  isRoot: '(run.parent_run_id is null or coalesce(run.is_app_root, false))',
  type: `case run.run_type ${observationTypes.map((type) => `when '${runTypeOf(type)}' then '${type}'`).join(' ')} else 'SPAN' end`,
  level: runLevelSql('run'),
  environment: `coalesce(run.environment, '${defaultEnvironment}')`,
  // LangSmith's clients name it in the metadata.
  model: `coalesce(run.model, run.metadata ->> 'ls_model_name')`,
  userId: `coalesce(run.user_id, ${ofTrace(traceFields.userId)})`,
  // Of its trace, which has it as soon as one of its runs does.
  threadId: ofTrace(traceFields.threadId),
  traceName: ofTrace(traceFields.name),
  traceTags: ofTrace(traceFields.tags),
  traceRelease: ofTrace('trace.release'),
  isPublic: `coalesce(${ofTrace(traceFields.isPublic)}, false)`,
} as const

const number = (sql: string): FilterColumn => ({ kind: 'number', sql })
const text = (sql: string): FilterColumn => ({ kind: 'text', sql })

const shownId = 'coalesce(run.external_id, run.id::text)'
// An end before the start is the start.
const latency =
  'case when run.end_time is not null then extract(epoch from greatest(run.end_time, run.start_time) - run.start_time) end'
const scored = {
  by: 'id',
  rows: `(
      select own.run_id as target, own.key, own.data_type, own.score, own.score_number, own.value_text
      from feedback as own
      where own.tenant_id = $1
    ) as score where true`,
}
/** A condition on what its trace shows: on all traces at once. */
const shared = {
  by: 'traceId',
  id: 'trace.id',
  rows: 'traces as trace where trace.tenant_id = $1',
}

/** What the lists of observations can be asked about (contracts/langfuse.md 2.17). */
export const observationFilterColumns: FilterColumns = {
  id: { kind: 'id', of: 'run', sql: 'run.id', shown: shownId },
  traceId: {
    kind: 'id',
    of: 'trace',
    sql: 'run.trace_id',
    shown: 'coalesce(run.external_trace_id, run.trace_id::text)',
  },
  parentObservationId: {
    kind: 'id',
    of: 'run',
    sql: 'run.parent_run_id',
    shown: 'coalesce(run.external_parent_run_id, run.parent_run_id::text)',
  },
  isRootObservation: { kind: 'flag', sql: observationFields.isRoot },
  type: text(observationFields.type),
  name: text('run.name'),
  level: {
    kind: 'text',
    sql: observationFields.level,
    implies: { ERROR: `run.status = 'error'` },
  },
  statusMessage: text('coalesce(run.status_message, run.error::text)'),
  environment: text(observationFields.environment),
  version: text('run.version'),
  startTime: { kind: 'time', sql: 'run.start_time' },
  endTime: { kind: 'time', sql: 'run.end_time' },
  userId: {
    kind: 'text',
    sql: traceFields.userId,
    isIndexed: true,
    shared: { ...shared, own: 'run.user_id' },
  },
  sessionId: { kind: 'text', sql: traceFields.threadId, shared },
  traceName: { kind: 'text', sql: traceFields.name, isIndexed: true, shared },
  traceEnvironment: { kind: 'text', sql: traceFields.environment, shared },
  traceTags: { kind: 'list', sql: traceFields.unsortedTags, shared },
  tags: { kind: 'list', sql: traceFields.unsortedTags, shared },
  latency: number(latency),
  timeToFirstToken: number('extract(epoch from run.first_token_time - run.start_time)'),
  tokensPerSecond: number(`run.completion_tokens / nullif(${latency}, 0)`),
  inputTokens: number('run.prompt_tokens'),
  outputTokens: number('run.completion_tokens'),
  totalTokens: number('run.total_tokens'),
  tokens: number('run.total_tokens'),
  inputCost: number('run.prompt_cost'),
  outputCost: number('run.completion_cost'),
  totalCost: number('run.total_cost'),
  model: text(observationFields.model),
  providedModelName: text(observationFields.model),
  // There are no models to match: contracts/langfuse.md 2 leaves them out.
  modelId: text('null::text'),
  promptName: text('run.prompt_name'),
  promptVersion: number('run.prompt_version'),
  input: text('run.inputs::text'),
  output: text('run.outputs::text'),
  metadata: { kind: 'map', sql: 'run.metadata' },
  scores_avg: { kind: 'averages', ...scored },
  scores: { kind: 'averages', ...scored },
  score_categories: { kind: 'categories', ...scored },
  score_booleans: { kind: 'booleans', ...scored },
}
