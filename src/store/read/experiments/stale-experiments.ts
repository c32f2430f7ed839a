import sql, { type Sql } from 'sql-template-tag'
import { anyTenant, tenant } from '../../statements.ts'

/*
 * Texts and neither view nor function: an engine that puts each tenant's rows on one node has to see which tables a statement
 * reads, and of which tenant.
 */

/**
 * Selects the experiments in which a marked trace may count: it has counted there, or some row of it names them. Also of a
 * marked run, item or feedback.
 * @param marked the id of one of them
 * @returns a subquery that wants an alias, with the column `experiment_id`, which may be null or there twice
 */
export function experimentsOfSql(marked: Sql): Sql {
  return sql`(
  select held.experiment_id
  from (
    select ${marked} as trace_id
    union
    select runs.trace_id from runs where runs.tenant_id = ${anyTenant} and runs.id = ${marked} and runs.trace_id is not null
  ) as place
  cross join lateral (
    select trace_aggregates.experiment_id from trace_aggregates
    where trace_aggregates.tenant_id = ${anyTenant} and trace_aggregates.trace_id = place.trace_id
    union all
    select runs.experiment_id from runs where runs.tenant_id = ${anyTenant} and runs.trace_id = place.trace_id
    union all
    select run_items.experiment_id from run_items
    where run_items.tenant_id = ${anyTenant} and run_items.trace_id = place.trace_id
    union all
    select feedback.experiment_id from feedback
    where feedback.tenant_id = ${anyTenant} and feedback.trace_id = place.trace_id
    offset 0
  ) as held
  union all
  select run_items.experiment_id from run_items where run_items.tenant_id = ${anyTenant} and run_items.id = ${marked}
  union all
  select feedback.experiment_id from feedback where feedback.tenant_id = ${anyTenant} and feedback.id = ${marked}
  union all
  select feedback.experiment_id from feedback where feedback.tenant_id = ${anyTenant} and feedback.run_id = ${marked}
)`
}

/** Selects the experiments whose aggregates may not match their rows. One may be there more than once. */
export const staleExperimentsSql: Sql = sql`
  select touched.experiment_id
  from dirty_traces as mark
  cross join lateral unnest(mark.trace_ids) as marked (id)
  cross join lateral ${experimentsOfSql(sql`marked.id`)} as touched
  where mark.tenant_id = ${tenant} and touched.experiment_id is not null
  union all
  select unbuilt.experiment_id from experiment_aggregates as unbuilt
  where unbuilt.tenant_id = ${tenant} and not unbuilt.is_built`
