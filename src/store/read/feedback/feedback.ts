import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, runStatement, tenant } from '../../statements.ts'
import { pageRowsSql } from '../page.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'

/** Feedback. What it does not say itself is filled in from its run. */
export interface FeedbackRow {
  id: string
  runId: string | null
  traceId: string | null
  experimentId: string | null
  key: string | null
  score: JsonText | null
  value: JsonText | null
  comment: string | null
  correction: JsonText | null
  sourceType: string | null
  source: JsonText | null
  threadId: string | null
  extra: JsonText | null
  comparativeExperimentId: string | null
  feedbackGroupId: string | null
  runStartTime: Timestamp | null
  /** Also false while the run has not arrived. */
  isRoot: boolean
  createdAt: Timestamp | null
  updatedAt: Timestamp | null
}

/** Which feedback to list. An absent condition lets everything through. */
export interface FeedbackQuery {
  /** Feedback on these runs, and on the traces of which they are the roots. */
  runIds?: string[] | undefined
  /** With `runIds`: also feedback on these traces as a whole. */
  traceIds?: string[] | undefined
  keys?: string[] | undefined
  /** Feedback on these experiments, and on their runs and traces. */
  experimentIds?: string[] | undefined
  sourceTypes?: string[] | undefined
  hasComment?: boolean | undefined
  hasScore?: boolean | undefined
  /** `session` means feedback on neither a run nor a trace. */
  level?: 'run' | 'session' | undefined
  minCreatedAt?: Timestamp | undefined
  maxCreatedAt?: Timestamp | undefined
  comparativeExperimentId?: string | undefined
  offset: number
  limit: number
}

/**
 * The columns that a statement selects to show feedback, from alias `feedback` with its run as `run`. Feedback on a
 * deleted experiment is not shown; feedback whose run or experiment never arrived is.
 */
export const feedbackSelection = `feedback.id, feedback.run_id, coalesce(feedback.trace_id, run.trace_id) as trace_id,
  coalesce(feedback.experiment_id, run.experiment_id) as experiment_id, feedback.key, feedback.score, feedback.value,
  feedback.comment, feedback.correction, feedback.source_type, feedback.source, feedback.thread_id, feedback.extra,
  feedback.comparative_experiment_id, feedback.feedback_group_id,
  coalesce(feedback.run_start_time, run.start_time) as run_start_time,
  run.id is not null and run.parent_run_id is null as is_root, feedback.created_at, feedback.updated_at`

/**
 * The rest of a `where` over `feedback` with its own run as `run`: the experiment that it belongs to is not being
 * deleted, or keeps its feedback. Usually nothing is being purged; then nothing is checked and the planner leaves out
 * the run.
 */
export function feedbackLeftSql(purging: readonly PurgingExperiment[]): Sql {
  if (purging.length === 0) return empty
  const ids = sql`any (${purging.map(({ id }) => id)}::uuid[])`
  const kept = purging.filter(({ keepsScores }) => keepsScores).map(({ id }) => id)
  return sql`
    and (feedback.experiment_id = ${ids} and not (
      feedback.experiment_id = any (${kept}::uuid[]) and feedback.run_id is null and feedback.trace_id is null
    )) is not true
    and (run.experiment_id = ${ids}) is not true`
}

/**
 * A look-up in the condition and not a join, because it then runs only for the rows that are read before the page is
 * full.
 */
const experimentOfRun = sql`(
      select held.experiment_id from runs as held where held.tenant_id = ${anyTenant} and held.id = feedback.run_id
    )`

const columns = raw(feedbackSelection)

const source = sql`feedback
  left join runs as run on run.tenant_id = ${tenant} and run.id = feedback.run_id
  where feedback.tenant_id = ${tenant} and feedback.key is not null`

/** @returns null when there is no such feedback, or its experiment is deleted */
export async function feedbackFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<FeedbackRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: feedback_find
-- One piece of feedback, unless its experiment is being purged. Reads only.
select ${columns} from ${source} and feedback.id = ${id}${feedbackLeftSql(purging)}`
  const [row] = await runComposed<FeedbackRow>(db, tenantId, statement)
  return row ?? null
}

/** With this many runs in an experiment, most of the newest feedback is on it. */
const manyRuns = 20_000

/** Reads one page, newest first, with ties broken by id. */
export async function feedbackList(
  db: Queryable,
  tenantId: string,
  query: FeedbackQuery,
): Promise<FeedbackRow[]> {
  const [purging, isLarge] = await Promise.all([
    experimentListPurging(db, tenantId),
    query.experimentIds === undefined ? false : areLarge(db, tenantId, query.experimentIds),
  ])
  const where = join(
    [sql`${source}${feedbackLeftSql(purging)}`, ...conditionsOf(query, isLarge)],
    '\n    and ',
  )
  const ids = sql`
  select feedback.id from ${where}
  order by feedback.created_at desc nulls last, feedback.id
  limit ${String(query.limit)}::bigint offset ${String(query.offset)}::bigint`
  const statement = sql`
-- name: feedback_list
-- One page of the feedback that meets the query, newest first, ties by id. Reads only.
-- Reads the ids first, then each row of the page by its key, whatever the planner knows of the tables.
select ${columns}
from ${pageRowsSql('feedback', 'feedback', ids)}
left join lateral (
  select * from runs where runs.tenant_id = ${anyTenant} and runs.id = feedback.run_id offset 0
) as run on true
order by page.place`
  return runComposed<FeedbackRow>(db, tenantId, statement, { isPrepared: true, limit: 'list' })
}

async function areLarge(db: Queryable, tenantId: string, ids: string[]): Promise<boolean> {
  const [row] = await runStatement<{ count: number }>(db, 'run_count_of_experiments', [
    tenantId,
    ids,
    manyRuns,
  ])
  return row!.count === manyRuns
}

/** Feedback on neither a run nor a trace is about the experiment itself. */
const isOfExperiment = sql`feedback.run_id is null and feedback.trace_id is null`

/**
 * The ids of the feedback that was given to a trace and to no run. It counts for the trace's root run.
 * @param condition on `runs`
 */
function traceLevelOf(condition: Sql): Sql {
  return sql`select whole.id
      from runs
      join experiments on experiments.tenant_id = ${tenant} and experiments.id = runs.experiment_id
      join feedback as whole
        on whole.tenant_id = ${tenant} and whole.trace_id = runs.trace_id and whole.run_id is null
      where runs.tenant_id = ${tenant} and ${condition} and runs.parent_run_id is null`
}

function ofTraces(traceIds: string[] | undefined): Sql {
  if (traceIds === undefined) return empty
  return sql`
      union all
      select whole.id from feedback as whole
      where whole.tenant_id = ${tenant} and whole.trace_id = any (${traceIds}::uuid[]) and whole.run_id is null`
}

function conditionsOf(query: FeedbackQuery, isLarge: boolean): Sql[] {
  const conditions: Sql[] = []
  const add = (condition: Sql) => conditions.push(condition)
  if (query.runIds !== undefined) {
    const isAmong = sql`any (${query.runIds}::uuid[])`
    // As for experiments, one index scan per kind instead of an `or`.
    add(sql`feedback.id in (
      select own.id from feedback as own where own.tenant_id = ${tenant} and own.run_id = ${isAmong}
      union all
      ${traceLevelOf(sql`runs.id = ${isAmong}`)}${ofTraces(query.traceIds)}
    )`)
  }
  if (query.keys !== undefined) add(sql`feedback.key = any (${query.keys}::text[])`)
  if (query.experimentIds !== undefined) {
    const isAmong = sql`any (${query.experimentIds}::uuid[])`
    if (isLarge) add(sql`(feedback.experiment_id = ${isAmong} or ${experimentOfRun} = ${isAmong})`)
    // One index scan per kind. An `or` over the join would read all feedback of the tenant.
    else
      add(sql`feedback.id in (
      select own.id from feedback as own where own.tenant_id = ${tenant} and own.experiment_id = ${isAmong}
      union
      select scored.id
      from runs
      join feedback as scored on scored.tenant_id = ${tenant} and scored.run_id = runs.id
      where runs.tenant_id = ${tenant} and runs.experiment_id = ${isAmong}
      union
      ${traceLevelOf(sql`runs.experiment_id = ${isAmong}`)}
    )`)
  }
  if (query.sourceTypes !== undefined) {
    add(sql`feedback.source_type = any (${query.sourceTypes}::text[])`)
  }
  if (query.hasComment !== undefined) add(isThere(sql`feedback.comment`, query.hasComment))
  if (query.hasScore !== undefined) add(isThere(sql`feedback.score`, query.hasScore))
  if (query.level !== undefined) {
    add(query.level === 'run' ? sql`not (${isOfExperiment})` : isOfExperiment)
  }
  if (query.minCreatedAt !== undefined) {
    add(sql`feedback.created_at >= ${query.minCreatedAt}::timestamptz`)
  }
  if (query.maxCreatedAt !== undefined) {
    add(sql`feedback.created_at <= ${query.maxCreatedAt}::timestamptz`)
  }
  if (query.comparativeExperimentId !== undefined) {
    add(sql`feedback.comparative_experiment_id = ${query.comparativeExperimentId}::uuid`)
  }
  return conditions
}

function isThere(column: Sql, isAsked: boolean): Sql {
  return isAsked ? sql`${column} is not null` : sql`${column} is null`
}
