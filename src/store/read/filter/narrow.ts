import sql from 'sql-template-tag'
import type { FilterCondition, Filter } from '../../../domain/filter.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed } from '../../statements.ts'
import { filterSetSql, type FilterSource } from './filter-sql.ts'

/**
 * Up to this many rows are looked up by their ids. For more, it is faster to go through the list until the page is
 * full.
 */
const fewIds = 5000

/**
 * Returns filters that let the same rows through as the given ones, which must all hold. Where one of the given filters
 * asks for something that few rows have (a session, a rare score), the returned filters name those rows by id, so that
 * the list looks them up and does not go through a whole project.
 */
export async function filterNarrow(
  db: Queryable,
  tenantId: string,
  source: FilterSource,
  filters: readonly Filter[],
): Promise<Filter[]> {
  return Promise.all(
    filters.map(async (filter) => {
      const set = filterSetSql(filter, source, fewIds + 1)
      if (set === null) return filter
      const statement = sql`
-- name: filter_narrow
-- The ids by which the rows that a filter lets through can be looked up, up to one more than counts as few. Reads only.
select id from (${set.select} limit ${fewIds + 1}) as few (id)`
      const rows = await runComposed<{ id: string | null }>(db, tenantId, statement, {
        isPrepared: false,
        limit: 'list',
      })
      if (rows.length > fewIds) return filter
      const value = [...new Set(rows.flatMap(({ id }) => id ?? []))]
      const among: FilterCondition = { kind: 'condition', attribute: set.by, operator: 'in', value }
      return set.isExact ? among : { kind: 'and', terms: [among, filter] }
    }),
  )
}
