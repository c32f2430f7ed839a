import type { Queryable } from '../../pool.ts'
import { runText } from '../../statements.ts'
import {
  langfuseSetSql,
  type FilterColumns,
  type LangfuseCondition,
} from './langfuse-filter-sql.ts'
import { parametersOf } from '../parameters.ts'

/** So many rows are looked up by their ids; of more it is faster to go through the list until the page is full. */
const fewIds = 5000

/**
 * The same conditions, but where few rows can meet one of them (those of a session, with a rare score) it says which they
 * are: then the list is read from there.
 */
export async function langfuseNarrow(
  db: Queryable,
  tenantId: string,
  columns: FilterColumns,
  conditions: readonly LangfuseCondition[],
): Promise<LangfuseCondition[]> {
  return Promise.all(
    conditions.map(async (condition) => {
      const { parameters, bind } = parametersOf(tenantId)
      const set = langfuseSetSql(columns, condition, bind)
      if (set === null) return condition
      const text = `select id from (${set.select} limit ${bind(fewIds + 1)}) as few (id)`
      const rows = await runText<{ id: string | null }>(db, text, parameters, { isPrepared: false })
      if (rows.length > fewIds) return condition
      const value = [...new Set(rows.flatMap(({ id }) => id ?? []))]
      return { type: 'stringOptions', column: set.by, operator: 'any of', value } as const
    }),
  )
}
