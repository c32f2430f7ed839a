import sql from 'sql-template-tag'
import type { Queryable } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import { experimentListPurging } from '../purging.ts'
import { scoreFields } from './score-columns.ts'
import { scoreColumns, scoreSourceSql, type ScoreRow } from './scores.ts'

/**
 * Reads the scores on experiments as such, by experiment, newest first.
 * @param limit the number of scores per experiment
 */
export async function scoreListOfExperiments(
  db: Queryable,
  tenantId: string,
  experimentIds: string[],
  limit: number,
): Promise<Map<string, ScoreRow[]>> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: score_list_of_experiments
-- The newest scores on each of these experiments as such, up to a number each, newest first. Reads only.
select * from (
  select ${scoreColumns},
    row_number() over (partition by feedback.experiment_id order by ${scoreFields.time} desc, feedback.id) as place
  from ${scoreSourceSql(purging)}
    and feedback.experiment_id = any (${experimentIds}::uuid[]) and feedback.run_id is null and feedback.trace_id is null
) as ranked
where place <= ${limit}::bigint
order by timestamp desc, id`
  const rows = await runComposed<ScoreRow>(db, tenantId, statement)
  const groups = new Map<string, ScoreRow[]>(experimentIds.map((id) => [id, []]))
  for (const row of rows) groups.get(row.experimentId!)!.push(row)
  return groups
}

/**
 * Reads the scores on traces as a whole and on one run of each trace, newest first.
 * @param limit the number of scores per target
 */
export async function scoreListOfTraces(
  db: Queryable,
  tenantId: string,
  targets: readonly { traceKey: string; runKey: string | null }[],
  limit: number,
): Promise<ScoreRow[][]> {
  const traceIds = targets.map(({ traceKey }) => traceKey)
  const runIds = targets.flatMap(({ runKey }) => runKey ?? [])
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: score_list_of_traces
-- The newest scores on each of these traces as a whole, and on each of these runs, up to a number each, newest first.
-- Reads only.
select * from (
  select ${scoreColumns},
    row_number() over (
      partition by feedback.run_id, case when feedback.run_id is null then feedback.trace_id end
      order by ${scoreFields.time} desc, feedback.id
    ) as place
  from ${scoreSourceSql(purging)}
    and feedback.id in (
      select own.id from feedback as own
      where own.tenant_id = ${tenant} and own.trace_id = any (${traceIds}::uuid[]) and own.run_id is null
      union
      select own.id from feedback as own where own.tenant_id = ${tenant} and own.run_id = any (${runIds}::uuid[])
    )
) as ranked
where place <= ${limit}::bigint
order by timestamp desc, id`
  const rows = await runComposed<ScoreRow>(db, tenantId, statement)
  return targets.map(({ traceKey, runKey }) =>
    rows
      .filter((row) => (row.runId === null ? row.traceId === traceKey : row.runId === runKey))
      .slice(0, limit),
  )
}
