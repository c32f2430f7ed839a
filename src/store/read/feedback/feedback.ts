import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runText } from '../../statements.ts'
import type { Bind } from '../filter/langfuse-filter-sql.ts'
import { parametersOf } from '../parameters.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'

/** Feedback with what it says nothing of filled in from its run. */
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
  /** False also while the run has not arrived. */
  isRoot: boolean
  createdAt: Timestamp | null
  updatedAt: Timestamp | null
}

/** What a list of feedback asks for. An absent condition lets everything through. */
export interface FeedbackQuery {
  /** Feedback on these runs, and on the traces that they are the roots of. */
  runIds?: string[] | undefined
  keys?: string[] | undefined
  /** Feedback on these experiments, and on their runs and traces. */
  experimentIds?: string[] | undefined
  sourceTypes?: string[] | undefined
  hasComment?: boolean | undefined
  hasScore?: boolean | undefined
  /** `session`: feedback on no run and no trace. */
  level?: 'run' | 'session' | undefined
  minCreatedAt?: Timestamp | undefined
  maxCreatedAt?: Timestamp | undefined
  comparativeExperimentId?: string | undefined
  offset: number
  limit: number
}

/**
 * What a view of feedback selects `from`: alias `feedback`, with its run as `run`. Feedback on a deleted experiment
 * is left out; feedback whose run or experiment never came is not.
 */
export const feedbackSelection = `feedback.id, feedback.run_id, coalesce(feedback.trace_id, run.trace_id) as trace_id,
  coalesce(feedback.experiment_id, run.experiment_id) as experiment_id, feedback.key, feedback.score, feedback.value,
  feedback.comment, feedback.correction, feedback.source_type, feedback.source, feedback.thread_id, feedback.extra,
  feedback.comparative_experiment_id, feedback.feedback_group_id,
  coalesce(feedback.run_start_time, run.start_time) as run_start_time,
  run.id is not null and run.parent_run_id is null as is_root, feedback.created_at, feedback.updated_at`

/**
 * The rest of a `where` over `feedback` with its own run as `run`: no experiment that it is part of is deleted, or it is
 * to be kept. Mostly nothing is being purged, nothing is asked, and the planner leaves the run away.
 */
export function feedbackLeftSql(purging: readonly PurgingExperiment[], bind: Bind): string {
  if (purging.length === 0) return ''
  const ids = `any (${bind(purging.map(({ id }) => id))}::uuid[])`
  const kept = bind(purging.filter(({ keepsScores }) => keepsScores).map(({ id }) => id))
  return `
    and (feedback.experiment_id = ${ids} and not (
      feedback.experiment_id = any (${kept}::uuid[]) and feedback.run_id is null and feedback.trace_id is null
    )) is not true
    and (run.experiment_id = ${ids}) is not true`
}

/** A look-up only where it is needed: the list ends when its page is full. */
const experimentOfRun = `(
      select held.experiment_id from runs as held where held.tenant_id = $1 and held.id = feedback.run_id
    )`

const source = `feedback
  left join runs as run on run.tenant_id = feedback.tenant_id and run.id = feedback.run_id
  where feedback.tenant_id = $1 and feedback.key is not null`

/** @returns null when there is none, or its experiment is deleted */
export async function feedbackFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<FeedbackRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const { parameters, bind } = parametersOf(tenantId)
  const text = `select ${feedbackSelection} from ${source} and feedback.id = ${bind(id)}${feedbackLeftSql(purging, bind)}`
  const [row] = await runText<FeedbackRow>(db, text, parameters)
  return row ?? null
}

/** An experiment of so many runs: most of the newest feedback is on it. */
const manyRuns = 20_000

/** One page, newest first, ties by id. */
export async function feedbackList(
  db: Queryable,
  tenantId: string,
  query: FeedbackQuery,
): Promise<FeedbackRow[]> {
  const [purging, isLarge] = await Promise.all([
    experimentListPurging(db, tenantId),
    query.experimentIds === undefined ? false : areLarge(db, tenantId, query.experimentIds),
  ])
  const { parameters, bind } = parametersOf(tenantId)
  const conditions = conditionsOf(query, isLarge, bind).map((condition) => `\n    and ${condition}`)
  // Ids first, then one look-up per row of the page, whatever the planner knows of the tables.
  const text = `select ${feedbackSelection}
from unnest(array(
  select feedback.id from ${source}${feedbackLeftSql(purging, bind)}${conditions.join('')}
  order by feedback.created_at desc nulls last, feedback.id
  limit ${bind(String(query.limit))}::bigint offset ${bind(String(query.offset))}::bigint
)) with ordinality as page (id, place)
cross join lateral (
  select * from feedback where feedback.tenant_id = $1 and feedback.id = page.id offset 0
) as feedback
left join lateral (
  select * from runs where runs.tenant_id = $1 and runs.id = feedback.run_id offset 0
) as run on true
order by page.place`
  return runText<FeedbackRow>(db, text, parameters)
}

async function areLarge(db: Queryable, tenantId: string, ids: string[]): Promise<boolean> {
  const text = `select count(*) as count from (
  select from runs where tenant_id = $1 and experiment_id = any ($2::uuid[]) limit $3
) as counted`
  const [row] = await runText<{ count: number }>(db, text, [tenantId, ids, manyRuns])
  return row!.count === manyRuns
}

/** What was given neither to a run nor to a trace counts for the experiment itself. */
const isOfExperiment = 'feedback.run_id is null and feedback.trace_id is null'

/** Ids of the feedback that was given to a trace and no run: it counts at the trace's root. @param condition on `runs` */
function traceLevelOf(condition: string): string {
  return `select whole.id
      from runs
      join experiments on experiments.tenant_id = runs.tenant_id and experiments.id = runs.experiment_id
      join feedback as whole
        on whole.tenant_id = runs.tenant_id and whole.trace_id = runs.trace_id and whole.run_id is null
      where runs.tenant_id = $1 and ${condition} and runs.parent_run_id is null`
}

function conditionsOf(query: FeedbackQuery, isLarge: boolean, bind: Bind): string[] {
  const conditions: string[] = []
  const add = (condition: string) => conditions.push(condition)
  if (query.runIds !== undefined) {
    const ids = bind(query.runIds)
    // As with experiments, an index scan each instead of an `or`.
    add(`feedback.id in (
      select own.id from feedback as own where own.tenant_id = $1 and own.run_id = any (${ids}::uuid[])
      union all
      ${traceLevelOf(`runs.id = any (${ids}::uuid[])`)}
    )`)
  }
  if (query.keys !== undefined) add(`feedback.key = any (${bind(query.keys)}::text[])`)
  if (query.experimentIds !== undefined) {
    const ids = bind(query.experimentIds)
    if (isLarge)
      add(
        `(feedback.experiment_id = any (${ids}::uuid[]) or ${experimentOfRun} = any (${ids}::uuid[]))`,
      )
    // An index scan each; an `or` over the join would read all feedback of the tenant.
    else
      add(`feedback.id in (
      select own.id from feedback as own where own.tenant_id = $1 and own.experiment_id = any (${ids}::uuid[])
      union
      select scored.id
      from runs
      join feedback as scored on scored.tenant_id = runs.tenant_id and scored.run_id = runs.id
      where runs.tenant_id = $1 and runs.experiment_id = any (${ids}::uuid[])
      union
      ${traceLevelOf(`runs.experiment_id = any (${ids}::uuid[])`)}
    )`)
  }
  if (query.sourceTypes !== undefined) {
    add(`feedback.source_type = any (${bind(query.sourceTypes)}::text[])`)
  }
  if (query.hasComment !== undefined)
    add(`feedback.comment is ${query.hasComment ? 'not ' : ''}null`)
  if (query.hasScore !== undefined) add(`feedback.score is ${query.hasScore ? 'not ' : ''}null`)
  if (query.level !== undefined) add(`${query.level === 'run' ? 'not ' : ''}(${isOfExperiment})`)
  if (query.minCreatedAt !== undefined) {
    add(`feedback.created_at >= ${bind(query.minCreatedAt)}::timestamptz`)
  }
  if (query.maxCreatedAt !== undefined) {
    add(`feedback.created_at <= ${bind(query.maxCreatedAt)}::timestamptz`)
  }
  if (query.comparativeExperimentId !== undefined) {
    add(`feedback.comparative_experiment_id = ${bind(query.comparativeExperimentId)}::uuid`)
  }
  return conditions
}
