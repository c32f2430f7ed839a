import sql, { raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import { tenant } from '../../statements.ts'
import { filterSql } from '../filter/filter-sql.ts'

/**
 * The filter as a condition on a row of `experiments`. A null result counts as false. The feedback of an experiment is
 * that on its runs and on itself, averaged by key at the last refresh.
 * @param filter over `experimentAttributes` only
 * @throws TypeError for any other attribute
 */
export function experimentFilterSql(filter: Filter, alias: string): Sql {
  const experiment = raw(alias)
  return filterSql(filter, {
    columns: {
      id: sql`${experiment}.id`,
      name: sql`${experiment}.name`,
      start_time: sql`${experiment}.start_time`,
      end_time: sql`${experiment}.end_time`,
      reference_dataset_id: sql`${experiment}.dataset_id`,
      metadata: sql`${experiment}.metadata`,
    },
    feedback: {
      rows: sql`(
      select entry.key, (entry.value ->> 'avg')::double precision as score_number
      from experiment_aggregates filter_aggregate
      cross join lateral (
        select * from jsonb_each(filter_aggregate.feedback_stats)
        union all
        select * from jsonb_each(filter_aggregate.experiment_feedback_stats)
      ) as entry
      where filter_aggregate.tenant_id = ${tenant} and filter_aggregate.experiment_id = ${experiment}.id
    ) as filter_feedback where true`,
    },
  })
}
