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

/** Reads one page, newest first. */
export async function threadList(
  db: Queryable,
  tenantId: string,
  query: SessionQuery,
  { limit, offset }: Page,
): Promise<SessionRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: thread_list
-- One page of the threads whose first trace meets the query, newest first. Reads only.
with ${openingSql(purging)}
select page.thread_id, page.created_at, trace.environment
from (
  select opening.* from opening
  where ${conditionsOf(query)}
  order by opening.created_at desc, opening.thread_id
  limit ${limit} offset ${offset}
) as page
cross join lateral ${environmentOf(sql`page`)}
order by page.created_at desc, page.thread_id`
  return runComposed<SessionRow>(db, tenantId, statement)
}

export async function threadCount(
  db: Queryable,
  tenantId: string,
  query: SessionQuery,
): Promise<number> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: thread_count
-- How many threads have a first trace that meets the query. Reads only.
with ${openingSql(purging)}
select count(*) as count from opening where ${conditionsOf(query)}`
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement)
  return row!.count
}

/**
 * The CTE `opening`: the first trace of every thread. It takes one pass over the index on threads and reads nothing
 * else.
 */
function openingSql(purging: readonly PurgingExperiment[]): Sql {
  return sql`opening as materialized (
  select distinct on (trace.shown_thread_id) trace.shown_thread_id as thread_id, trace.shown_time as created_at, trace.id
  from traces as trace
  where trace.tenant_id = ${tenant} and ${visibleTraceSql(purging)} and trace.shown_thread_id is not null
  order by trace.shown_thread_id, trace.shown_time, trace.id
)`
}

function environmentOf(alias: Sql): Sql {
  return sql`(
  select ${traceFields.environment} as environment
  from traces as trace
  where trace.tenant_id = ${tenant} and trace.id = ${alias}.id
  offset 0
) as trace`
}

function conditionsOf({ from, to, environments }: SessionQuery): Sql {
  const conditions = [sql`true`]
  if (from !== undefined) conditions.push(sql`opening.created_at >= ${from}::timestamptz`)
  if (to !== undefined) conditions.push(sql`opening.created_at < ${to}::timestamptz`)
  if (environments !== undefined && environments.length > 0) {
    const asked = sql`any (${environments}::text[])`
    conditions.push(sql`(select environment = ${asked} from ${environmentOf(sql`opening`)})`)
  }
  return join(conditions, ' and ')
}
