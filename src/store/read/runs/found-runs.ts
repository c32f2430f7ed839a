import sql from 'sql-template-tag'
import { tenant } from '../../statements.ts'
import type { SharedColumn } from '../filter/filter-sql.ts'
import { traceFields } from '../traces/trace-columns.ts'

/* Runs by a value that an index has, on alias `found`. */

export const runsByName = {
  id: sql`found.id`,
  rows: sql`runs as found where found.tenant_id = ${tenant} and found.name is not null`,
  column: { sql: sql`found.name`, isIndexed: true },
  operators: ['eq'],
} as const satisfies SharedColumn['found']

export const runsByTag = {
  id: sql`found.id`,
  rows: sql`runs as found where found.tenant_id = ${tenant} and found.tags is not null`,
  column: { sql: sql`found.tags` },
  operators: ['has', 'in'],
} as const satisfies SharedColumn['found']

/** A run that names no user has that of its trace. */
export const runsByUser = {
  id: sql`found.id`,
  rows: sql`(
      select id, user_id from runs where tenant_id = ${tenant} and user_id is not null
      union all
      select held.id, ${traceFields.userId} as user_id
      from traces as trace
      cross join lateral (
        select id, user_id from runs where runs.tenant_id = ${tenant} and runs.trace_id = trace.id offset 0
      ) as held
      where trace.tenant_id = ${tenant} and held.user_id is null
    ) as found where true`,
  column: { sql: sql`found.user_id`, isIndexed: true },
  operators: ['eq'],
} as const satisfies SharedColumn['found']
