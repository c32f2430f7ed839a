import sql, { raw, type Sql } from 'sql-template-tag'
import { anyTenant } from '../statements.ts'

/** Where a page starts, and how long it is. */
export interface Page {
  limit: number
  offset: number
}

/**
 * Composes a source that reads the ids of a page first, and then each row by its key, whatever the planner knows of the
 * table. The rows are on `alias`, and `page.place` is their order.
 * @param ids a query for the ids, in order, with its limit
 */
export function pageRowsSql(table: 'runs' | 'traces' | 'feedback', alias: string, ids: Sql): Sql {
  return sql`unnest(array(${ids}
)) with ordinality as page (id, place)
cross join lateral (
  select * from ${raw(table)} as held where held.tenant_id = ${anyTenant} and held.id = page.id offset 0
) as ${raw(alias)}`
}

/** A column that takes time to read, null where it was not asked for. */
export function askedSql(isAsked: boolean, column: Sql, type: string): Sql {
  return isAsked ? column : sql`null::${raw(type)}`
}
