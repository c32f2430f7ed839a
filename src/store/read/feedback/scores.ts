import { inline } from '../bridge.ts'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { resolveId } from '../../../domain/ids.ts'
import { runText } from '../../statements.ts'
import { feedbackLeftSql } from './feedback.ts'
import {
  langfuseFilterSql,
  type Bind,
  type FilterColumns,
  type LangfuseCondition,
} from '../filter/langfuse-filter-sql.ts'
import { langfuseNarrow } from '../filter/langfuse-narrow.ts'
import { parametersOf } from '../parameters.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'
import { traceFields } from '../traces/trace-columns.ts'

/** Feedback of any dialect as a score. */
export interface ScoreRow {
  id: string
  externalId: string | null
  key: string
  score: JsonText | null
  scoreNumber: number | null
  value: JsonText | null
  valueText: string | null
  /** Told from the values where the client gave none. */
  dataType: 'NUMERIC' | 'CATEGORICAL' | 'BOOLEAN' | 'TEXT' | 'CORRECTION'
  comment: string | null
  sourceType: string | null
  configId: string | null
  queueId: string | null
  environment: string
  metadata: JsonText | null
  runId: string | null
  externalRunId: string | null
  traceId: string | null
  externalTraceId: string | null
  threadId: string | null
  experimentId: string | null
  externalExperimentId: string | null
  timestamp: Timestamp
  createdAt: Timestamp
  updatedAt: Timestamp | null
  /** Of the trace; all null while it has not arrived. */
  hasTrace: boolean
  traceUserId: string | null
  traceTags: string[] | null
  traceEnvironment: string | null
  traceThreadId: string | null
}

/** What a list of scores asks for. An absent condition lets everything through; a list means any of it. */
export interface ScoreQuery {
  ids?: string[] | undefined
  names?: string[] | undefined
  dataTypes?: string[] | undefined
  /** As they are stored: `api`. */
  sourceTypes?: string[] | undefined
  environments?: string[] | undefined
  configIds?: string[] | undefined
  queueIds?: string[] | undefined
  traceIds?: string[] | undefined
  runIds?: string[] | undefined
  threadIds?: string[] | undefined
  experimentIds?: string[] | undefined
  /** Inclusive. */
  from?: Timestamp | undefined
  /** Exclusive. */
  to?: Timestamp | undefined
  /** Compared with the number of a score; all must hold. */
  numbers?: { operator: '<' | '>' | '<=' | '>=' | '=' | '!='; value: number }[] | undefined
  /** Any of these numbers. */
  anyNumber?: number[] | undefined
  /** Any of these labels. */
  labels?: string[] | undefined
  /** Scores on runs and traces alone, without corrections: what Langfuse's first interface knows. */
  isTraceOnly?: boolean | undefined
  /** Over `scoreFilterColumns`; all must hold. */
  conditions?: readonly LangfuseCondition[] | undefined
  /** Older than this one, by time and then id. */
  after?: { timestamp: Timestamp; id: string } | undefined
}

const dataType = `coalesce(feedback.data_type, case
    when feedback.value_text is not null then 'CATEGORICAL'
    when feedback.score::text in ('true', 'false') then 'BOOLEAN'
    when feedback.score_number is not null then 'NUMERIC'
    else 'TEXT' end)`

const time = 'coalesce(feedback.timestamp, feedback.created_at)'

const traceId = 'coalesce(feedback.trace_id, run.trace_id)'

/** Feedback on a run names its experiment too: only feedback on nothing else is about the experiment. */
const isOfExperiment = 'feedback.run_id is null and feedback.trace_id is null'

/** Aliases: feedback, run (its own), trace. What a statement does not use of them is not joined. */
const joins = `
  left join runs as run on run.tenant_id = $1 and run.id = feedback.run_id
  left join traces as trace on trace.tenant_id = $1 and trace.id = ${traceId}`

/** Up to within the `where`. $1 is the tenant. */
function sourceSql(purging: readonly PurgingExperiment[], bind: Bind): string {
  return `feedback${joins}
  where feedback.tenant_id = $1 and feedback.key is not null${feedbackLeftSql(purging, bind)}`
}

/** The same as `traceId`, with a look-up of the run only where it is needed. */
const soughtTraceId = `coalesce(feedback.trace_id, (
      select held.trace_id from runs as held where held.tenant_id = $1 and held.id = feedback.run_id
    ))`

/**
 * Runs that wait for their parent are few, and have an index of their own: then the key alone tells that a run is there.
 * No `exists`: the planner would hash the keys of all runs for it.
 */
const hasTrace = `(feedback.trace_id is not null or feedback.run_id is not null
      and (select held.id from runs as held where held.tenant_id = $1 and held.id = feedback.run_id) is not null
      and ((feedback.run_id in (select unnest(array(
        select waiting.id from runs as waiting where waiting.tenant_id = $1 and waiting.trace_id is null
      )))) is not true))`

/** A condition on what the trace of a score shows: on all traces at once. */
const shared = {
  by: 'traceId',
  id: 'trace.id',
  rows: 'traces as trace where trace.tenant_id = $1',
}

/** What the `filter` of scores may be about (contracts/langfuse.md 2.17). */
export const scoreFilterColumns: FilterColumns = {
  id: {
    kind: 'id',
    of: 'feedback',
    sql: 'feedback.id',
    shown: 'coalesce(feedback.external_id, feedback.id::text)',
  },
  timestamp: { kind: 'time', sql: time },
  environment: { kind: 'text', sql: `coalesce(feedback.environment, 'default')` },
  traceId: {
    kind: 'id',
    of: 'trace',
    sql: soughtTraceId,
    shown: `coalesce(feedback.external_trace_id, run.external_trace_id, ${traceId}::text)`,
  },
  observationId: {
    kind: 'id',
    of: 'run',
    sql: 'feedback.run_id',
    shown: 'coalesce(feedback.external_run_id, run.external_id, feedback.run_id::text)',
  },
  sessionId: { kind: 'text', sql: 'feedback.thread_id' },
  name: { kind: 'text', sql: 'feedback.key' },
  value: { kind: 'number', sql: 'feedback.score_number' },
  booleanValue: {
    kind: 'flag',
    sql: `case when ${dataType} = 'BOOLEAN' then feedback.score_number <> 0 end`,
  },
  source: {
    kind: 'text',
    sql: `case
      when feedback.source_type in ('annotation', 'app') then 'ANNOTATION'
      when feedback.source_type in ('eval', 'model', 'auto_eval') then 'EVAL'
      else 'API' end`,
  },
  comment: { kind: 'text', sql: 'feedback.comment' },
  // Nobody has an account here.
  authorUserId: { kind: 'text', sql: 'null::text' },
  dataType: { kind: 'text', sql: dataType },
  stringValue: {
    kind: 'text',
    sql: `case
      when ${dataType} = 'BOOLEAN' then case when feedback.score_number <> 0 then 'True' else 'False' end
      when ${dataType} <> 'NUMERIC' then feedback.value_text end`,
  },
  metadata: { kind: 'map', sql: 'feedback.metadata' },
  traceName: { kind: 'text', sql: traceFields.name, isIndexed: true, shared },
  userId: { kind: 'text', sql: traceFields.userId, isIndexed: true, shared },
  trace_tags: { kind: 'list', sql: traceFields.unsortedTags, shared },
}

const columns = `feedback.id, feedback.external_id, feedback.key, feedback.score, feedback.score_number, feedback.value,
  feedback.value_text, ${dataType} as data_type, feedback.comment, feedback.source_type, feedback.config_id,
  feedback.queue_id, coalesce(feedback.environment, 'default') as environment, feedback.metadata, feedback.run_id,
  coalesce(feedback.external_run_id, run.external_id) as external_run_id, ${traceId} as trace_id,
  coalesce(feedback.external_trace_id, run.external_trace_id) as external_trace_id, feedback.thread_id,
  case when ${isOfExperiment} then feedback.experiment_id end as experiment_id,
  case when ${isOfExperiment} then feedback.external_experiment_id end as external_experiment_id,
  ${time} as timestamp, feedback.created_at, feedback.updated_at,
  trace.id is not null and (trace.m <> 0 or trace.root_run_id is not null) as has_trace,
  ${traceFields.userId} as trace_user_id, ${traceFields.tags} as trace_tags,
  coalesce(trace.environment, trace.root_environment) as trace_environment,
  ${traceFields.threadId} as trace_thread_id`

/** @returns null when there is none */
export async function scoreFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ScoreRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const { parameters, bind } = parametersOf(tenantId)
  const text = `select ${columns} from ${sourceSql(purging, bind)} and feedback.id = ${bind(id)}`
  const [row] = await runText<ScoreRow>(db, text, parameters)
  return row ?? null
}

/** One page, newest first, ties by id. */
export async function scoreList(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
  { limit, offset }: { limit: number; offset: number },
): Promise<ScoreRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const { parameters, bind } = parametersOf(tenantId)
  // Ids first, then one look-up per row of the page, whatever the planner knows of the tables.
  const text = `select ${columns}
from unnest(array(
  select feedback.id from ${sourceSql(purging, bind)}${conditionsOf(query, bind)}
  order by ${time} desc, feedback.id
  limit ${bind(String(limit))}::bigint offset ${bind(String(offset))}::bigint
)) with ordinality as page (id, place)
cross join lateral (
  select * from feedback where feedback.tenant_id = $1 and feedback.id = page.id offset 0
) as feedback${joins}
order by page.place`
  return runText<ScoreRow>(db, text, parameters, { isPrepared: false })
}

export async function scoreCount(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
): Promise<number> {
  const purging = await experimentListPurging(db, tenantId)
  const { parameters, bind } = parametersOf(tenantId)
  const text = `select count(*) as count from ${sourceSql(purging, bind)}${conditionsOf(query, bind)}`
  const [row] = await runText<{ count: number }>(db, text, parameters, { isPrepared: false })
  return row!.count
}

/** The same query, its conditions narrowed: see `langfuseNarrow`. */
export async function scoreNarrow(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
): Promise<ScoreQuery> {
  const { conditions = [] } = query
  return {
    ...query,
    conditions: await langfuseNarrow(db, tenantId, scoreFilterColumns, conditions),
  }
}

function conditionsOf(query: ScoreQuery, bind: Bind): string {
  const conditions: string[] = []
  const add = (condition: string) => conditions.push(`\n    and ${condition}`)
  const among = (expression: string, values: string[] | undefined, type = 'text') => {
    if (values !== undefined) add(`${expression} = any (${bind(values)}::${type}[])`)
  }
  among('feedback.id', query.ids, 'uuid')
  among('feedback.key', query.names)
  among(dataType, query.dataTypes)
  among(`coalesce(feedback.source_type, 'api')`, query.sourceTypes)
  among(`coalesce(feedback.environment, 'default')`, query.environments)
  among('feedback.config_id', query.configIds)
  among('feedback.queue_id', query.queueIds)
  among('feedback.run_id', query.runIds, 'uuid')
  among('feedback.thread_id', query.threadIds)
  among('feedback.value_text', query.labels)
  if (query.traceIds !== undefined) addTraces(query.traceIds)
  if (query.experimentIds !== undefined) {
    among('feedback.experiment_id', query.experimentIds, 'uuid')
    add(isOfExperiment)
  }
  if (query.from !== undefined) add(`${time} >= ${bind(query.from)}::timestamptz`)
  if (query.to !== undefined) add(`${time} < ${bind(query.to)}::timestamptz`)
  for (const { operator, value } of query.numbers ?? []) {
    add(`feedback.score_number ${operator} ${bind(value)}::double precision`)
  }
  if (query.anyNumber !== undefined) {
    add(`feedback.score_number = any (${bind(query.anyNumber)}::double precision[])`)
  }
  if (query.isTraceOnly) add(`${hasTrace} and ${dataType} <> 'CORRECTION'`)
  if (query.after !== undefined) {
    const last = bind(query.after.timestamp)
    add(`${time} <= ${last}::timestamptz`)
    add(`(${time} < ${last}::timestamptz or feedback.id > ${bind(query.after.id)}::uuid)`)
  }
  const others = (query.conditions ?? []).filter((condition) => {
    if (condition.column !== 'traceId' || condition.type !== 'stringOptions') return true
    if (condition.operator === 'none of') return true
    addTraces(condition.value.map((id) => resolveId('trace', id).id))
    return false
  })
  return conditions.join('') + inline(langfuseFilterSql(scoreFilterColumns, others), bind)

  function addTraces(traceIds: string[]): void {
    const ids = bind(traceIds)
    // Two index scans; an `or` over the join would read all feedback of the tenant.
    add(`feedback.id in (
      select own.id from feedback as own where own.tenant_id = $1 and own.trace_id = any (${ids}::uuid[])
      union
      select scored.id
      from runs
      join feedback as scored on scored.tenant_id = runs.tenant_id and scored.run_id = runs.id
      where runs.tenant_id = $1 and runs.trace_id = any (${ids}::uuid[]) and scored.trace_id is null
    )`)
  }
}

/** For statements that read scores in another shape. */
export { columns as scoreColumns, sourceSql as scoreSourceSql, time as scoreTime }
