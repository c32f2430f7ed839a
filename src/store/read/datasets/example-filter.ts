import sql, { raw, type Sql } from 'sql-template-tag'
import type { Filter } from '../../../domain/filter.ts'
import { filterSql } from '../filter/filter-sql.ts'

/**
 * The filter as a condition on a row of `examples`. A null result counts as false.
 * @param filter over `exampleAttributes` only
 * @throws TypeError for any other attribute
 */
export function exampleFilterSql(filter: Filter, alias: string): Sql {
  const example = raw(alias)
  return filterSql(filter, {
    columns: {
      // On the wire the splits are part of the metadata (contracts/langsmith.md 0.1).
      metadata: sql`(coalesce(${example}.metadata, '{}') || jsonb_build_object('dataset_split', ${example}.splits))`,
    },
  })
}
