import sql, { empty, join } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { runConditions, type RunQuery } from './run-query-sql.ts'

/*
 * Threads of one project, as LangSmith has them: a thread is the root runs that name it, which are its turns.
 */

/** The position of a thread in the list: the start of its newest turn, and its id. */
export interface ThreadKey {
  startTime: Timestamp
  threadId: string
}

/** Which threads to list: those that have a turn between the bounds, and meet all conditions. */
export interface ThreadQuery
  extends Pick<RunQuery, 'tenantId' | 'threadHas' | 'minStartTime' | 'beforeStartTime'> {
  experimentId: string
}

/**
 * Reads one page of the threads of a project, the one with the newest turn first.
 *
 * The root runs are read newest first until the page is full. Each is looked up as the newest turn of its thread, so a
 * page costs as many look-ups as there are turns between its first and its last thread, however many there are in all.
 */
export async function threadListOfProject(
  db: Queryable,
  query: ThreadQuery,
  { after, limit }: { after: ThreadKey | null; limit: number },
): Promise<{ rows: ThreadKey[]; next: ThreadKey | null }> {
  const { tenantId, experimentId, beforeStartTime } = query
  const conditions = runConditions({ ...query, isRoot: true, hasThread: true })
  const before =
    beforeStartTime === undefined
      ? empty
      : sql` and latest.start_time < ${beforeStartTime}::text::timestamptz`
  if (after !== null) {
    const time = sql`${after.startTime}::text::timestamptz`
    conditions.push(
      sql`run.start_time <= ${time}`,
      sql`(run.start_time < ${time} or run.thread_id collate "C" > ${after.threadId}::text)`,
    )
  }
  // The turns of one instant are sorted once more, by thread. They are few.
  const statement = sql`
-- name: thread_list_of_project
-- One page of the threads of a project: the id of each and the start of its newest turn. Reads only.
select run.thread_id, run.start_time
from runs as run
where run.tenant_id = ${tenant} and run.experiment_id = ${experimentId}::uuid
  and ${join(conditions, '\n  and ')}
  and run.id = (
    select latest.id from runs as latest
    where latest.tenant_id = ${tenant} and latest.experiment_id = ${experimentId}::uuid
      and latest.thread_id = run.thread_id and latest.parent_run_id is null and latest.trace_id is not null${before}
    order by latest.start_time desc, latest.id
    limit 1
  )
order by run.start_time desc, run.thread_id collate "C"
limit ${limit + 1}`
  const rows = await runComposed<ThreadKey>(db, tenantId, statement, { isPrepared: false })
  const hasMore = rows.length > limit
  if (hasMore) rows.pop()
  return { rows, next: hasMore ? rows.at(-1)! : null }
}

/** How a thread began and ended, as previews. */
export interface ThreadEnds {
  threadId: string
  firstTraceId: string
  firstInputs: string | null
  lastTraceId: string
  lastOutputs: string | null
  lastError: JsonText | null
  /** What the last turn that failed says of it; all null when none failed. */
  lastFailure: JsonText | null
  lastFailureLevel: string | null
  lastFailureMessage: string | null
}

/** Reads the ends of these threads of a project, by thread. Only turns between the bounds count. */
export async function runListThreadEnds(
  db: Queryable,
  { tenantId, experimentId, minStartTime, beforeStartTime }: ThreadQuery,
  threadIds: string[],
): Promise<Map<string, ThreadEnds>> {
  const rows = await runStatement<ThreadEnds>(db, 'run_list_thread_ends', [
    tenantId,
    experimentId,
    threadIds,
    minStartTime ?? null,
    beforeStartTime ?? null,
  ])
  return new Map(rows.map((row) => [row.threadId, row]))
}

/** Returns the places of some turns in their whole thread, from 1, by the ids of their runs. */
export async function runListThreadTurns(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  threadId: string,
  runIds: string[],
): Promise<Map<string, number>> {
  const rows = await runStatement<{ id: string; place: number }>(db, 'run_list_thread_turns', [
    tenantId,
    experimentId,
    threadId,
    runIds,
  ])
  return new Map(rows.map((row) => [row.id, row.place]))
}
