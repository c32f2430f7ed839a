import sql, { join, type Sql } from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import type { Page } from '../page.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'
import { traceFields } from './trace-columns.ts'
import { visibleTraceSql } from './traces.ts'

/** A thread of the whole tenant, which Langfuse calls a session. It exists as soon as a trace names it. */
export interface SessionRow {
  threadId: string
  /** When its first trace began. */
  createdAt: Timestamp
  /** The environment of its first trace. */
  environment: string
}

/** Which sessions to list. An absent or empty condition lets all of them through. */
export interface SessionQuery {
  /** Inclusive. */
  from?: Timestamp | undefined
  /** Exclusive. */
  to?: Timestamp | undefined
  environments?: string[] | undefined
}

/**
 * Reads one page, newest first, and counts the whole list: both take a pass over all threads, which is made once.
 */
export async function threadPage(
  db: Queryable,
  tenantId: string,
  query: SessionQuery,
  { limit, offset }: Page,
): Promise<{ rows: SessionRow[]; total: number }> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: thread_page
-- One page of the threads whose first trace meets the query, newest first, each with how many there are in all; a row
-- without a thread when the page is empty. Reads only.
with ${openingSql(purging)},
asked as materialized (
  select opening.* from opening where ${conditionsOf(query)}
)
select page.thread_id, page.created_at, page.environment, counted.total
from (select count(*) as total from asked) as counted
left join (
  select * from asked
  order by asked.created_at desc, asked.thread_id
  limit ${limit} offset ${offset}
) as page on true
order by page.created_at desc, page.thread_id`
  const rows = await runComposed<Nullable<SessionRow> & { total: number }>(
    db,
    tenantId,
    statement,
    {
      isPrepared: true,
      limit: 'list',
    },
  )
  const threads = rows.filter((row): row is SessionRow & { total: number } => row.threadId !== null)
  return { rows: threads, total: rows[0]!.total }
}

type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null }

/**
 * The CTE `opening`: the first trace of every thread. It takes one pass over the index on threads and reads nothing
 * else.
 */
function openingSql(purging: readonly PurgingExperiment[]): Sql {
  return sql`opening as materialized (
  select distinct on (trace.shown_thread_id) trace.shown_thread_id as thread_id, trace.shown_time as created_at,
    ${traceFields.environment} as environment
  from traces as trace
  where trace.tenant_id = ${tenant} and ${visibleTraceSql(purging)} and trace.shown_thread_id is not null
  order by trace.shown_thread_id, trace.shown_time, trace.id
)`
}

function conditionsOf({ from, to, environments }: SessionQuery): Sql {
  const conditions = [sql`true`]
  if (from !== undefined) conditions.push(sql`opening.created_at >= ${from}::timestamptz`)
  if (to !== undefined) conditions.push(sql`opening.created_at < ${to}::timestamptz`)
  if (environments !== undefined && environments.length > 0) {
    conditions.push(sql`opening.environment = any (${environments}::text[])`)
  }
  return join(conditions, ' and ')
}
