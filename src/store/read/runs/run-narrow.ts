import type { RunFilter } from '../../../domain/run-filter.ts'
import type { Queryable } from '../../pool.ts'
import { inline } from '../bridge.ts'
import { runText } from '../../statements.ts'
import { parametersOf } from '../parameters.ts'
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
    const ids = await scoredAmong(db, query.tenantId, filter)
    if (ids !== null) return { ...query, ids }
  }
  return query
}

/** Runs with the feedback that the filter asks for, and perhaps others; null when they are many, or it asks for none. */
async function scoredAmong(
  db: Queryable,
  tenantId: string,
  filter: RunFilter,
): Promise<string[] | null> {
  const { parameters, bind } = parametersOf(tenantId)
  const scored = runFilterFeedbackSql(filter)
  if (scored === null) return null
  const condition = inline(scored, bind)
  const limit = bind(fewIds + 1)
  const given = (column: string, where: string) => `
  select filter_feedback.${column}
  from feedback as filter_feedback
  where filter_feedback.tenant_id = $1 and ${where} and ${condition}
  limit ${limit}`
  // The second is not read where the first is more than few.
  const text = `select few.run_id from (
(${given('run_id', 'filter_feedback.run_id is not null')})
union all
(
  select root.id as run_id
  from (${given('trace_id', 'filter_feedback.run_id is null and filter_feedback.trace_id is not null')}) as whole
  cross join lateral (
    select runs.id, runs.parent_run_id from runs
    where runs.tenant_id = $1 and runs.trace_id = whole.trace_id
    offset 0
  ) as root
  -- Not within: a planner that knows nothing of the table would read all roots of the tenant, for each trace.
  where root.parent_run_id is null
)
) as few
limit ${limit}`
  const rows = await runText<{ runId: string }>(db, text, parameters, { isPrepared: false })
  return rows.length > fewIds ? null : [...new Set(rows.map(({ runId }) => runId))]
}
