import sql, { type Sql } from 'sql-template-tag'
import { anyTenant } from '../../statements.ts'

/**
 * Selects the feedback that counts for a run: its own, and what its trace was given and no run. As one condition it would
 * be an `or`, for which the planner has worse plans. `offset 0` keeps it from becoming a join: that reads all of the tenant's
 * feedback for every run of a table that was just filled. It is a text and no function, because an engine that puts each
 * tenant's rows on one node has to see which tables a statement reads.
 * @param trace null for a run that is not the one at which its trace's feedback is shown
 * @returns a subquery that wants an alias
 */
export function feedbackOfSql(run: Sql, trace: Sql): Sql {
  return sql`(
  select feedback.* from feedback where feedback.tenant_id = ${anyTenant} and feedback.run_id = ${run}
  union all
  select feedback.* from feedback
  where feedback.tenant_id = ${anyTenant} and feedback.trace_id = ${trace} and feedback.run_id is null
  offset 0
)`
}
