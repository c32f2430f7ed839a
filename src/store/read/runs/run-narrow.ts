import sql, { raw } from 'sql-template-tag'
import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import { runFilterFeedbackSql } from '../filter/run-filter-sql.ts'
import type { RunQuery } from './run-query-sql.ts'

/** So many runs are looked up by their ids; of more it is faster to go through the list until the page is full. */
const fewIds = 5000

/**
 * The same query, but where it asks for feedback that few runs have it says which they are: the list would go through a
 * whole project for them.
 */
export async function runNarrow(db: Queryable, query: RunQuery): Promise<RunQuery> {
  if (query.ids !== undefined) return query
  for (const filter of query.filters ?? []) {
    const ids = await runListScored(db, query.tenantId, filter)
    if (ids !== null) return { ...query, ids }
  }
  return query
}

/** Runs with the feedback that the filter asks for, and perhaps others; null when they are many, or it asks for none. */
async function runListScored(
  db: Queryable,
  tenantId: string,
  filter: RunFilter,
): Promise<string[] | null> {
  const condition = runFilterFeedbackSql(filter)
  if (condition === null) return null
  const given = (column: string, isMeant: string) => sql`
  select filter_feedback.${raw(column)}
  from feedback as filter_feedback
  where filter_feedback.tenant_id = ${tenant} and ${raw(isMeant)} and ${condition}
  limit ${fewIds + 1}`
  // The second is not read where the first is more than few.
  const statement = sql`
-- name: run_list_scored
-- Runs that have feedback which meets a condition, and the roots of the traces that have it, up to a number. Reads only.
select few.run_id from (
(${given('run_id', 'filter_feedback.run_id is not null')})
union all
(
  select root.id as run_id
  from (${given('trace_id', 'filter_feedback.run_id is null and filter_feedback.trace_id is not null')}) as whole
  cross join lateral (
    select runs.id, runs.parent_run_id from runs
    where runs.tenant_id = ${tenant} and runs.trace_id = whole.trace_id
    offset 0
  ) as root
  -- Not within: a planner that knows nothing of the table would read all roots of the tenant, for each trace.
  where root.parent_run_id is null
)
) as few
limit ${fewIds + 1}`
  const rows = await runComposed<{ runId: string }>(db, tenantId, statement, { isPrepared: false })
  return rows.length > fewIds ? null : [...new Set(rows.map(({ runId }) => runId))]
}
