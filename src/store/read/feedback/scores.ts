import sql, { join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, tenant } from '../../statements.ts'
import { feedbackLeftSql } from './feedback.ts'
import { filterListSql } from '../filter/filter-sql.ts'
import { filterNarrow } from '../filter/narrow.ts'
import { pageRowsSql } from '../page.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'
import { traceFields } from '../traces/trace-columns.ts'
import { scoreFields, scoreSource } from './score-columns.ts'

/** Feedback of any dialect, as a score. */
export interface ScoreRow {
  id: string
  externalId: string | null
  key: string
  score: JsonText | null
  scoreNumber: number | null
  value: JsonText | null
  valueText: string | null
  /** Inferred from the values when the client named no type. */
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
  /** These describe the trace, and are all null until it has arrived. */
  hasTrace: boolean
  traceUserId: string | null
  traceTags: string[] | null
  traceEnvironment: string | null
  traceThreadId: string | null
}

/** Which scores to list. An absent condition lets everything through; a list means any of its members. */
export interface ScoreQuery {
  ids?: string[] | undefined
  names?: string[] | undefined
  dataTypes?: string[] | undefined
  /** Spelled as in the database, for example `api`. */
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
  /** Compared with the number of a score. All of them must hold. */
  numbers?: { operator: '<' | '>' | '<=' | '>=' | '=' | '!='; value: number }[] | undefined
  /** The score has any of these numbers. */
  anyNumber?: number[] | undefined
  /** The score has any of these labels. */
  labels?: string[] | undefined
  /** Only scores on runs and traces, without corrections: Langfuse's v1 interface knows no others. */
  isTraceOnly?: boolean | undefined
  /** All of them must hold. Their attributes are those of `scoreSource`. */
  filters?: readonly Filter[] | undefined
  /** Only scores older than this one, by time and then id. */
  after?: { timestamp: Timestamp; id: string } | undefined
}

/**
 * Feedback on a run names its experiment too, so only feedback on neither a run nor a trace is about the experiment.
 */
const isOfExperiment = sql`feedback.run_id is null and feedback.trace_id is null`

/** Aliases: feedback, run (the run it is on) and trace. Postgres leaves out those that a statement does not use. */
const joins = sql`
  left join runs as run on run.tenant_id = ${tenant} and run.id = feedback.run_id
  left join traces as trace on trace.tenant_id = ${tenant} and trace.id = ${scoreFields.traceId}`

/** The text after `from`, up to and including the first condition of the `where`. */
function sourceSql(purging: readonly PurgingExperiment[]): Sql {
  return sql`feedback${joins}
  where feedback.tenant_id = ${tenant} and feedback.key is not null${feedbackLeftSql(purging)}`
}

/**
 * The condition that a run is there and has a trace. Few runs wait for their parent, and an index covers them, so the key
 * alone tells whether a run is there. `exists` is avoided because the planner would hash the keys of all runs for it.
 */
const isOfTrace = (runId: Sql) => sql`(
      (select held.id from runs as held where held.tenant_id = ${anyTenant} and held.id = ${runId}) is not null
      and ((${runId} in (select unnest(array(
        select waiting.id from runs as waiting where waiting.tenant_id = ${tenant} and waiting.trace_id is null
      )))) is not true))`

const hasTrace = sql`(feedback.trace_id is not null
      or feedback.run_id is not null and ${isOfTrace(sql`feedback.run_id`)})`

const isNoCorrection = sql`${scoreFields.dataType} <> 'CORRECTION'`

const columns = sql`feedback.id, feedback.external_id, feedback.key, feedback.score, feedback.score_number, feedback.value,
  feedback.value_text, ${scoreFields.dataType} as data_type, feedback.comment, feedback.source_type, feedback.config_id,
  feedback.queue_id, coalesce(feedback.environment, 'default') as environment, feedback.metadata, feedback.run_id,
  coalesce(feedback.external_run_id, run.external_id) as external_run_id, ${scoreFields.traceId} as trace_id,
  coalesce(feedback.external_trace_id, run.external_trace_id) as external_trace_id, feedback.thread_id,
  case when ${isOfExperiment} then feedback.experiment_id end as experiment_id,
  case when ${isOfExperiment} then feedback.external_experiment_id end as external_experiment_id,
  ${scoreFields.time} as timestamp, feedback.created_at, feedback.updated_at,
  trace.id is not null and (trace.m <> 0 or trace.root_run_id is not null) as has_trace,
  ${traceFields.userId} as trace_user_id, ${traceFields.tags} as trace_tags,
  coalesce(trace.environment, trace.root_environment) as trace_environment,
  ${traceFields.threadId} as trace_thread_id`

/** @returns null when there is no such score */
export async function scoreFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ScoreRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: score_find
-- One score, unless its experiment is being purged. Reads only.
select ${columns} from ${sourceSql(purging)} and feedback.id = ${id}`
  const [row] = await runComposed<ScoreRow>(db, tenantId, statement)
  return row ?? null
}

/** Reads one page, newest first, with ties broken by id. */
export async function scoreList(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
  { limit, offset }: { limit: number; offset: number },
): Promise<ScoreRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const ids = sql`
  select feedback.id from ${sourceSql(purging)}${conditionsOf(query, 'row')}
  order by ${scoreFields.time} desc, feedback.id
  limit ${String(limit)}::bigint offset ${String(offset)}::bigint`
  const statement = sql`
-- name: score_list
-- One page of the scores that meet the query, newest first, ties by id. Reads only.
-- Reads the ids first, then each row of the page by its key, whatever the planner knows of the tables.
select ${columns}
from ${pageRowsSql('feedback', 'feedback', ids)}${joins}
order by page.place`
  return runComposed<ScoreRow>(db, tenantId, statement, { isPrepared: false, limit: 'list' })
}

export async function scoreCount(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
): Promise<number> {
  const purging = await experimentListPurging(db, tenantId)
  const { isTraceOnly, ...conditions } = query
  const hasConditions = Object.values(conditions).some((value) => [value ?? []].flat().length > 0)
  const counted =
    isTraceOnly === true && !hasConditions
      ? countOfTraces(sourceSql(purging))
      : sql`(select count(*) from ${sourceSql(purging)}${conditionsOf(query, 'count')})`
  const statement = sql`
-- name: score_count
-- How many scores meet the query. Reads only.
select ${counted} as count`
  const limit = hasConditions ? 'count' : undefined
  const options = { isPrepared: false, limit } as const
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement, options)
  return row!.count
}

/**
 * How many scores are on traces and their runs. Those that name only a run are counted apart, in the order of the runs:
 * their look-ups then follow each other in the index, and take half as long.
 */
function countOfTraces(source: Sql): Sql {
  return sql`(
  select count(*) from ${source} and ${isNoCorrection} and feedback.trace_id is not null
) + (
  select count(*)
  from (
    select feedback.run_id from ${source} and ${isNoCorrection} and feedback.trace_id is null and feedback.run_id is not null
    order by feedback.run_id
    offset 0
  ) as scored
  where ${isOfTrace(sql`scored.run_id`)}
)`
}

/** Returns the query with its filters narrowed by `filterNarrow`. */
export async function scoreNarrow(
  db: Queryable,
  tenantId: string,
  query: ScoreQuery,
): Promise<ScoreQuery> {
  return { ...query, filters: await filterNarrow(db, tenantId, scoreSource, query.filters ?? []) }
}

/** The rest of a `where` over `sourceSql`. */
function conditionsOf(query: ScoreQuery, by: 'row' | 'count'): Sql {
  const conditions: Sql[] = []
  const add = (condition: Sql) => conditions.push(sql`\n    and ${condition}`)
  const among = (expression: Sql, values: string[] | undefined, type: 'text' | 'uuid' = 'text') => {
    if (values !== undefined) add(sql`${expression} = any (${values}::${raw(type)}[])`)
  }
  among(sql`feedback.id`, query.ids, 'uuid')
  among(sql`feedback.key`, query.names)
  among(scoreFields.dataType, query.dataTypes)
  among(sql`coalesce(feedback.source_type, 'api')`, query.sourceTypes)
  among(sql`coalesce(feedback.environment, 'default')`, query.environments)
  among(sql`feedback.config_id`, query.configIds)
  among(sql`feedback.queue_id`, query.queueIds)
  among(sql`feedback.run_id`, query.runIds, 'uuid')
  among(sql`feedback.thread_id`, query.threadIds)
  among(sql`feedback.value_text`, query.labels)
  if (query.traceIds !== undefined) add(ofTraces(query.traceIds))
  if (query.experimentIds !== undefined) {
    among(sql`feedback.experiment_id`, query.experimentIds, 'uuid')
    add(isOfExperiment)
  }
  if (query.from !== undefined) add(sql`${scoreFields.time} >= ${query.from}::timestamptz`)
  if (query.to !== undefined) add(sql`${scoreFields.time} < ${query.to}::timestamptz`)
  for (const { operator, value } of query.numbers ?? []) {
    add(sql`feedback.score_number ${raw(operator)} ${value}::double precision`)
  }
  if (query.anyNumber !== undefined) {
    add(sql`feedback.score_number = any (${query.anyNumber}::double precision[])`)
  }
  if (query.isTraceOnly) add(sql`${hasTrace} and ${isNoCorrection}`)
  if (query.after !== undefined) {
    const last = sql`${query.after.timestamp}::timestamptz`
    add(sql`${scoreFields.time} <= ${last}`)
    add(sql`(${scoreFields.time} < ${last} or feedback.id > ${query.after.id}::uuid)`)
  }
  const others = (query.filters ?? []).filter((filter) => {
    if (filter.kind !== 'condition' || filter.attribute !== 'trace_id') return true
    if (filter.operator !== 'in') return true
    add(ofTraces(filter.value as string[]))
    return false
  })
  return join([...conditions, filterListSql(others, { ...scoreSource, by })], '')
}

/**
 * The score is on any of these traces, or on a run in one of them. This takes two index scans; an `or` over the join
 * would read all feedback of the tenant.
 */
function ofTraces(traceIds: string[]): Sql {
  const isAmong = sql`any (${traceIds}::uuid[])`
  return sql`feedback.id in (
      select own.id from feedback as own where own.tenant_id = ${tenant} and own.trace_id = ${isAmong}
      union
      select scored.id
      from runs
      join feedback as scored on scored.tenant_id = ${tenant} and scored.run_id = runs.id
      where runs.tenant_id = ${tenant} and runs.trace_id = ${isAmong} and scored.trace_id is null
    )`
}

/** Exported for statements that read scores in another shape. */
export { columns as scoreColumns, sourceSql as scoreSourceSql }
