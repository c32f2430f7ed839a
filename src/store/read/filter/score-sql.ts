import sql, { raw, type Sql } from 'sql-template-tag'
import type { Attribute, FilterCondition } from '../../../domain/filter.ts'
import { conditionSql } from './condition-sql.ts'

/** The scores on rows. Conditions on scores name the score in their `key`. */
export interface ScoreColumn {
  /** The attribute that `score.target` holds the id of. */
  by: Attribute
  /** FROM and WHERE of all feedback, as alias `score`. */
  rows: Sql
  /** FROM and WHERE of the feedback on one row of the list, as alias `score`. */
  ofRow: Sql
}

/** A condition that many rows may have in common. */
export interface SetSql {
  /** Selects the ids for which it holds. */
  select: Sql
  /** The condition, looked up for one row. */
  ofRow: Sql
}

/** More scores of a name than these are many, whatever their average. */
const manyScores = 100_000

/**
 * Selects the targets of the scores that meet a condition, and looks it up for one target. The kind of its value tells
 * which kind of score is meant.
 * @param limit the most ids that count as few; absent: all are selected
 */
export function scoredSql(
  { rows, ofRow }: ScoreColumn,
  { key, operator, value }: FilterCondition,
  limit: number | undefined,
): SetSql {
  const named = sql`score.key = ${key}::text`
  if (typeof value === 'boolean' || typeof value === 'object') {
    const isMet =
      typeof value === 'boolean'
        ? sql`(score.data_type = 'BOOLEAN' or score.data_type is null and score.score::text in ('true', 'false'))
      and score.score_number = ${raw(value ? '1' : '0')}`
        : sql`score.value_text = any (${value}::text[])`
    return {
      select: sql`select score.target from ${rows} and ${named} and ${isMet}`,
      ofRow: sql`(select true from ${ofRow} and ${named} and ${isMet} limit 1)`,
    }
  }
  const averaged = sql`${named} and coalesce(score.data_type, '') not in ('CATEGORICAL', 'CORRECTION', 'TEXT')`
  const condition: FilterCondition = { kind: 'condition', attribute: 'score', operator, value }
  const isMet = conditionSql('number', { sql: sql`avg(score.score_number)::numeric` }, condition)
  const targets = (scores: Sql) =>
    sql`select score.target from ${scores} group by score.target having ${isMet}`
  return {
    select:
      limit === undefined
        ? targets(sql`${rows} and ${averaged}`)
        : sql`select few.target from (
      with read as materialized (
        select score.target, score.score_number from ${rows} and ${averaged} limit ${raw(String(manyScores))}
      )
      ${targets(sql`read as score`)}
      union all
      select null from generate_series(1, ${limit}::integer)
      where (select count(*) from read) = ${raw(String(manyScores))}
    ) as few`,
    ofRow: sql`(select ${isMet} from ${ofRow} and ${averaged})`,
  }
}
